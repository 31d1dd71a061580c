/* MD5 (RFC 1321) and HMAC-MD5 (RFC 2104) for signing RADIUS packets: small, and needs no library. */
#ifndef MD5_H
#define MD5_H

#include <stddef.h>
#include <stdint.h>

enum { MD5_OCTETS = 16 };

struct md5 {
    uint32_t state[4];
    uint64_t length;
    uint8_t block[64];
};

/* A secret, prepared once: what HMAC makes of it before the first octet of a message. */
struct hmac_key {
    struct md5 inner, outer;
};

void md5_begin(struct md5 *md5);
void md5_add(struct md5 *md5, const void *octets, size_t length);
void md5_end(struct md5 *md5, uint8_t digest[MD5_OCTETS]);

void hmac_prepare(struct hmac_key *key, const void *secret, size_t length);

#endif
