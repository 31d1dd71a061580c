/* Signing RADIUS packets, and telling genuine answers from others (RFC 2865 3, RFC 2866 3, RFC 3579 3.2). */
#ifndef PACKET_H
#define PACKET_H

#include "md5.h"

#include <stdbool.h>

enum { HEADER = 20, LARGEST = 4096, AUTHENTICATOR_OCTETS = 16 };

struct secret {
    const char *text;
    size_t length;
    struct hmac_key key;
};

/* The text is not copied. */
void secret_prepare(struct secret *secret, const char *text);

/* HMAC over a packet with these octets as its authenticator, and zeros where the signature stands. */
void sign(const struct secret *secret, const uint8_t *packet, size_t length, const uint8_t *authenticator,
          size_t signature, uint8_t digest[MD5_OCTETS]);

/* MD5 over a packet with these octets as its authenticator, and the secret. */
void authenticate(const struct secret *secret, const uint8_t *packet, size_t length,
                  const uint8_t *authenticator, uint8_t digest[MD5_OCTETS]);

/* Where the value of Message-Authenticator begins; 0 if there is none, -1 if the attributes are broken. */
int find_signature(const uint8_t *packet, size_t length);

/* Whether an answer was made by one who knows the secret, for the request with this authenticator; and, if it
 * has a Message-Authenticator, whether that is right too. The length is that of the header, and received. */
bool is_genuine(const struct secret *secret, const uint8_t *answer, size_t length,
                const uint8_t *request_authenticator);

#endif
