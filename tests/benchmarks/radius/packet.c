#include "packet.h"

#include <string.h>

enum { MESSAGE_AUTHENTICATOR = 80, MESSAGE_AUTHENTICATOR_LENGTH = 18 };

void secret_prepare(struct secret *secret, const char *text)
{
    secret->text = text;
    secret->length = strlen(text);
    hmac_prepare(&secret->key, text, secret->length);
}

void sign(const struct secret *secret, const uint8_t *packet, size_t length,
                 const uint8_t *authenticator, size_t signature, uint8_t digest[MD5_OCTETS])
{
    static const uint8_t ZEROS[MD5_OCTETS];
    struct md5 inner = secret->key.inner, outer = secret->key.outer;
    md5_add(&inner, packet, 4);
    md5_add(&inner, authenticator, 16);
    md5_add(&inner, packet + HEADER, signature - HEADER);
    md5_add(&inner, ZEROS, sizeof ZEROS);
    md5_add(&inner, packet + signature + MD5_OCTETS, length - signature - MD5_OCTETS);
    md5_end(&inner, digest);
    md5_add(&outer, digest, MD5_OCTETS);
    md5_end(&outer, digest);
}

void authenticate(const struct secret *secret, const uint8_t *packet, size_t length,
                         const uint8_t *authenticator, uint8_t digest[MD5_OCTETS])
{
    struct md5 md5;
    md5_begin(&md5);
    md5_add(&md5, packet, 4);
    md5_add(&md5, authenticator, 16);
    md5_add(&md5, packet + HEADER, length - HEADER);
    md5_add(&md5, secret->text, secret->length);
    md5_end(&md5, digest);
}

int find_signature(const uint8_t *packet, size_t length)
{
    for (size_t at = HEADER; at < length; at += packet[at + 1]) {
        if (at + 2 > length || packet[at + 1] < 2 || at + packet[at + 1] > length)
            return -1;
        if (packet[at] == MESSAGE_AUTHENTICATOR)
            return packet[at + 1] == MESSAGE_AUTHENTICATOR_LENGTH ? (int)at + 2 : -1;
    }
    return 0;
}

bool is_genuine(const struct secret *secret, const uint8_t *answer, size_t length,
                       const uint8_t *request_authenticator)
{
    uint8_t digest[MD5_OCTETS];
    authenticate(secret, answer, length, request_authenticator, digest);
    if (memcmp(digest, answer + 4, sizeof digest))
        return false;
    int signature = find_signature(answer, length);
    if (signature <= 0)
        return signature == 0;
    sign(secret, answer, length, request_authenticator, (size_t)signature, digest);
    return !memcmp(digest, answer + signature, sizeof digest);
}
