#include "md5.h"

#include <string.h>

static const uint32_t SINES[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
static const int SHIFTS[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t rotated(uint32_t value, int by) { return value << by | value >> (32 - by); }

static void digest_block(struct md5 *md5, const uint8_t *block)
{
    uint32_t words[16];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] | (uint32_t)block[4 * i + 1] << 8 |
                   (uint32_t)block[4 * i + 2] << 16 | (uint32_t)block[4 * i + 3] << 24;
    uint32_t a = md5->state[0], b = md5->state[1], c = md5->state[2], d = md5->state[3];
    for (int i = 0; i < 64; i++) {
        uint32_t mixed;
        int word;
        switch (i / 16) {
        case 0: mixed = (b & c) | (~b & d); word = i; break;
        case 1: mixed = (d & b) | (~d & c); word = (5 * i + 1) % 16; break;
        case 2: mixed = b ^ c ^ d; word = (3 * i + 5) % 16; break;
        default: mixed = c ^ (b | ~d); word = 7 * i % 16; break;
        }
        uint32_t next = b + rotated(a + mixed + SINES[i] + words[word], SHIFTS[i / 16][i % 4]);
        a = d, d = c, c = b, b = next;
    }
    md5->state[0] += a, md5->state[1] += b, md5->state[2] += c, md5->state[3] += d;
}

void md5_begin(struct md5 *md5)
{
    static const uint32_t START[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    memcpy(md5->state, START, sizeof START);
    md5->length = 0;
}

void md5_add(struct md5 *md5, const void *octets, size_t length)
{
    const uint8_t *from = octets;
    size_t held = md5->length % 64;
    md5->length += length;
    while (length) {
        if (!held && length >= 64) {
            digest_block(md5, from);
            from += 64, length -= 64;
            continue;
        }
        size_t taken = length < 64 - held ? length : 64 - held;
        memcpy(md5->block + held, from, taken);
        held += taken, from += taken, length -= taken;
        if (held == 64) {
            digest_block(md5, md5->block);
            held = 0;
        }
    }
}

void md5_end(struct md5 *md5, uint8_t digest[MD5_OCTETS])
{
    static const uint8_t PADDING[64] = {0x80};
    uint64_t bits = md5->length * 8;
    uint8_t end[8];
    for (int i = 0; i < 8; i++)
        end[i] = (uint8_t)(bits >> 8 * i);
    size_t held = md5->length % 64;
    md5_add(md5, PADDING, held < 56 ? 56 - held : 120 - held);
    md5_add(md5, end, sizeof end);
    for (int i = 0; i < MD5_OCTETS; i++)
        digest[i] = (uint8_t)(md5->state[i / 4] >> 8 * (i % 4));
}

void hmac_prepare(struct hmac_key *key, const void *secret, size_t length)
{
    uint8_t padded[64] = {0};
    if (length > sizeof padded) {
        struct md5 shortened;
        md5_begin(&shortened);
        md5_add(&shortened, secret, length);
        md5_end(&shortened, padded);
    } else {
        memcpy(padded, secret, length);
    }
    struct md5 *halves[2] = {&key->inner, &key->outer};
    static const uint8_t PADS[2] = {0x36, 0x5c};
    for (int half = 0; half < 2; half++) {
        uint8_t block[64];
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = padded[i] ^ PADS[half];
        md5_begin(halves[half]);
        md5_add(halves[half], block, sizeof block);
    }
}
