/*
 * Sends prepared RADIUS requests and believes no answer that is not genuine. Prints what it saw as one line
 * of JSON.
 *
 * A requests file is a row of records: a head of eight octets (`struct head`, little endian), then the
 * packet. Identifier, Message-Authenticator and the authenticator of accounting are filled in here, so that a
 * file can be sent again. A request is sent to the accounting port if its code is 4.
 *
 * Closed loop: as many requests are on their way as the window allows. Open loop: a request is due every
 * 1/rate seconds, whatever becomes of those before it, and its latency counts from when it was due.
 */
#define _GNU_SOURCE
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { IDENTIFIERS = 256, REMEMBERED = 16, MOST_CLIENTS = 16, MOST_SOCKETS = 256, BURST = 64 };
enum { ACCOUNTING_REQUEST = 4 };
enum kind { ACCESS, ACCOUNTING, KINDS };

static const char *const KIND_NAMES[KINDS] = {"access", "accounting"};
static const uint64_t SECOND = 1000000000;

struct head {
    uint16_t length;    /* of the packet */
    uint16_t signature; /* where the value of Message-Authenticator begins; 0: there is none */
    uint8_t expected;   /* the code of the answer */
    uint8_t client;     /* who sends it */
    uint8_t follows;    /* 1: goes out when the record before it was answered as expected */
    uint8_t unused;
};

struct client {
    struct sockaddr_in address;
    struct secret secret;
    int first_socket, turn;
};

/* One identifier of one socket, and the request that has it. */
struct slot {
    struct slot *older, *newer; /* among those on their way, by when they were sent last */
    size_t record;
    uint64_t due, sent;
    int tries; /* 0: free */
    size_t uses;
    uint8_t authenticator[AUTHENTICATOR_OCTETS], past[REMEMBERED][AUTHENTICATOR_OCTETS];
};

struct line {
    int client;
    uint8_t next;
    struct slot slots[IDENTIFIERS];
};

struct sample {
    uint32_t second, microseconds;
};

static struct {
    int auth_port, acct_port, window, sockets, tries;
    double rate, seconds, timeout;
    size_t first, count, rounds;
    const char *requests;
} options = {.window = 32, .sockets = 4, .tries = 4, .timeout = 1.0, .count = SIZE_MAX, .rounds = 1};

static struct client clients[MOST_CLIENTS];
static int client_count;
static struct line *lines;
static struct pollfd *sockets;
static int socket_count;
static struct sockaddr_in servers[KINDS];
static uint8_t **records;
static size_t record_count;
static struct slot on_the_way = {.older = &on_the_way, .newer = &on_the_way};
static int outstanding;
static struct sample *samples[KINDS];
static size_t answered[KINDS];
static uint64_t began, last_answer;
static volatile sig_atomic_t told_to_stop;
static size_t sent, lost, retransmitted, wrong, forged, unsigned_answers, stray, held_back;

static void fail(const char *what)
{
    fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* ---- packets */

static struct head head_of(size_t record)
{
    struct head head;
    memcpy(&head, records[record], sizeof head);
    return head;
}

static uint8_t *packet_of(size_t record) { return records[record] + sizeof(struct head); }

static enum kind kind_of(size_t record)
{
    return packet_of(record)[0] == ACCOUNTING_REQUEST ? ACCOUNTING : ACCESS;
}

static void complete_request(size_t record, uint8_t identifier)
{
    static const uint8_t ZEROS[AUTHENTICATOR_OCTETS];
    struct head head = head_of(record);
    const struct secret *secret = &clients[head.client].secret;
    uint8_t *packet = packet_of(record);
    bool accounting = kind_of(record) == ACCOUNTING;
    packet[1] = identifier;
    if (head.signature)
        sign(secret, packet, head.length, accounting ? ZEROS : packet + 4, head.signature,
             packet + head.signature);
    if (accounting)
        authenticate(secret, packet, head.length, ZEROS, packet + 4);
}

/* ---- requests on their way */

static void unlink_slot(struct slot *slot)
{
    slot->older->newer = slot->newer;
    slot->newer->older = slot->older;
}

static void append_slot(struct slot *slot)
{
    slot->older = on_the_way.older;
    slot->newer = &on_the_way;
    slot->older->newer = slot;
    on_the_way.older = slot;
}

static void transmit(int line, struct slot *slot)
{
    size_t record = slot->record;
    const struct sockaddr_in *server = &servers[kind_of(record)];
    /* A full buffer or an ICMP error is a lost packet like any other: it is sent again in time. */
    (void)sendto(sockets[line].fd, packet_of(record), head_of(record).length, 0,
                 (const struct sockaddr *)server, sizeof *server);
    slot->sent = now();
    slot->tries++;
    append_slot(slot);
}

/* Whether an identifier was free. */
static bool send_record(size_t record, uint64_t due)
{
    struct client *client = &clients[head_of(record).client];
    for (int attempt = 0; attempt < options.sockets; attempt++) {
        int number = client->first_socket + client->turn;
        client->turn = (client->turn + 1) % options.sockets;
        struct line *line = &lines[number];
        for (int step = 0; step < IDENTIFIERS; step++) {
            uint8_t identifier = line->next++;
            struct slot *slot = &line->slots[identifier];
            if (slot->tries)
                continue;
            complete_request(record, identifier);
            memcpy(slot->authenticator, packet_of(record) + 4, sizeof slot->authenticator);
            memcpy(slot->past[slot->uses++ % REMEMBERED], slot->authenticator, sizeof slot->authenticator);
            slot->record = record;
            slot->due = due;
            transmit(number, slot);
            outstanding++;
            sent++;
            return true;
        }
    }
    held_back++;
    return false;
}

static void give_free(struct slot *slot)
{
    slot->tries = 0;
    outstanding--;
}

static void note_answer(struct slot *slot, uint8_t code)
{
    size_t record = slot->record;
    enum kind kind = kind_of(record);
    uint64_t instant = now();
    unlink_slot(slot);
    give_free(slot);
    samples[kind][answered[kind]++] =
        (struct sample){(uint32_t)((slot->due - began) / SECOND), (uint32_t)((instant - slot->due) / 1000)};
    last_answer = instant;
    if (code != head_of(record).expected)
        wrong++;
    else if (record + 1 < record_count && head_of(record + 1).follows)
        send_record(record + 1, instant);
}

/* Whether it answers a request that had this identifier before: one sent twice and answered twice, or one
 * that was given up. */
static bool is_late(const struct secret *secret, const uint8_t *answer, size_t length,
                    const struct slot *slot)
{
    size_t remembered = slot->uses < REMEMBERED ? slot->uses : REMEMBERED;
    for (size_t i = 0; i < remembered; i++)
        if (is_genuine(secret, answer, length, slot->past[i]))
            return !slot->tries || memcmp(slot->past[i], slot->authenticator, AUTHENTICATOR_OCTETS);
    return false;
}

static bool is_from(const struct sockaddr_in *sender, const struct sockaddr_in *server)
{
    return sender->sin_addr.s_addr == server->sin_addr.s_addr && sender->sin_port == server->sin_port;
}

static void receive(int number)
{
    uint8_t answer[LARGEST];
    struct sockaddr_in sender;
    socklen_t size = sizeof sender;
    ssize_t received =
        recvfrom(sockets[number].fd, answer, sizeof answer, 0, (struct sockaddr *)&sender, &size);
    if (received < HEADER)
        return;
    size_t length = (size_t)answer[2] << 8 | answer[3];
    struct slot *slot = &lines[number].slots[answer[1]];
    const struct secret *secret = &clients[lines[number].client].secret;
    if (length < HEADER || length > (size_t)received) {
        forged++;
    } else if (slot->tries && is_from(&sender, &servers[kind_of(slot->record)]) &&
               is_genuine(secret, answer, length, slot->authenticator)) {
        unsigned_answers += kind_of(slot->record) == ACCESS && !find_signature(answer, length);
        note_answer(slot, answer[0]);
    } else if (is_late(secret, answer, length, slot)) {
        stray++;
    } else {
        forged++;
    }
}

static void send_again(uint64_t instant)
{
    uint64_t timeout = (uint64_t)(options.timeout * 1e9);
    while (on_the_way.newer != &on_the_way && on_the_way.newer->sent + timeout <= instant) {
        struct slot *slot = on_the_way.newer;
        unlink_slot(slot);
        if (slot->tries < options.tries) {
            size_t line = (size_t)((char *)slot - (char *)lines) / sizeof *lines;
            transmit((int)line, slot);
            retransmitted++;
        } else {
            give_free(slot);
            lost++;
        }
    }
}

/* ---- the loop */

static size_t next_first(size_t record)
{
    while (record < record_count && head_of(record).follows)
        record++;
    return record;
}

/* The one after a record; from the beginning again while there are rounds left. */
static size_t next_after(size_t record)
{
    size_t next = next_first(record + 1);
    if (next < record_count || options.rounds <= 1)
        return next;
    options.rounds--;
    return next_first(0);
}

/* When the request with this number is due in open loop. */
static uint64_t due_at(size_t number) { return began + (uint64_t)((double)number * 1e9 / options.rate); }

static void wait_for_answers(uint64_t until)
{
    uint64_t instant = now();
    uint64_t pause = until > instant ? until - instant : 0;
    struct timespec timeout = {(time_t)(pause / SECOND), (long)(pause % SECOND)};
    if (ppoll(sockets, (nfds_t)socket_count, &timeout, NULL) <= 0)
        return;
    for (int i = 0; i < socket_count; i++)
        if (sockets[i].revents)
            receive(i);
}

static void run(void)
{
    size_t next = next_first(options.first), number = 0;
    began = last_answer = now();
    uint64_t end = options.seconds > 0 ? began + (uint64_t)(options.seconds * 1e9) : UINT64_MAX;
    fputs("sending\n", stderr);
    for (;;) {
        uint64_t instant = now();
        send_again(instant);
        bool more = next < record_count && number < options.count && instant < end && !told_to_stop;
        uint64_t until = instant + SECOND / 100;
        for (int burst = 0; more && burst < BURST; burst++) {
            uint64_t due = options.rate > 0 ? due_at(number) : instant;
            bool may = options.rate > 0 ? due <= instant : outstanding < options.window;
            if (!may) {
                until = options.rate > 0 && due < until ? due : until;
                break;
            }
            if (!send_record(next, options.rate > 0 ? due : now())) {
                until = instant + SECOND / 1000; /* every identifier is on its way */
                break;
            }
            until = instant; /* look for answers, then go on */
            number++;
            next = next_after(next);
            more = next < record_count && number < options.count;
        }
        if (!more && !outstanding)
            return;
        wait_for_answers(until);
    }
}

static void stop(int number)
{
    (void)number;
    told_to_stop = 1; /* what is on its way is still waited for */
}

/* ---- figures */

static int by_microseconds(const void *left, const void *right)
{
    const struct sample *a = left, *b = right;
    return (a->microseconds > b->microseconds) - (a->microseconds < b->microseconds);
}

static int by_second(const void *left, const void *right)
{
    const struct sample *a = left, *b = right;
    return a->second != b->second ? (a->second > b->second) - (a->second < b->second) : by_microseconds(a, b);
}

/* The nearest rank of samples in order, in milliseconds. */
static double percentile(const struct sample *ordered, size_t count, double percent)
{
    if (!count)
        return 0;
    size_t rank = (size_t)((double)count * percent / 100);
    if ((double)rank * 100 < (double)count * percent)
        rank++;
    return ordered[rank ? rank - 1 : 0].microseconds / 1000.0;
}

/* p99 of that one of all seconds where it is greatest. */
static double worst_second(struct sample *all, size_t count)
{
    double worst = 0;
    qsort(all, count, sizeof *all, by_second);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first; end < count && all[end].second == all[first].second;)
            end++;
        double here = percentile(all + first, end - first, 99);
        worst = here > worst ? here : worst;
    }
    return worst;
}

static void print_kind(enum kind kind)
{
    struct sample *all = samples[kind];
    size_t count = answered[kind];
    double worst = worst_second(all, count);
    qsort(all, count, sizeof *all, by_microseconds);
    printf("\"%s\": {\"answered\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, "
           "\"worst_second_p99_ms\": %.3f}, ",
           KIND_NAMES[kind], count, percentile(all, count, 50), percentile(all, count, 99),
           percentile(all, count, 100), worst);
}

static void print_figures(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double processor = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    double elapsed = (double)(last_answer - began) / 1e9;
    size_t total = answered[ACCESS] + answered[ACCOUNTING];
    printf("{");
    for (int kind = 0; kind < KINDS; kind++)
        print_kind(kind);
    printf("\"sent\": %zu, \"answered\": %zu, \"lost\": %zu, \"retransmitted\": %zu, \"wrong\": %zu, "
           "\"forged\": %zu, \"unsigned\": %zu, \"stray\": %zu, \"held_back\": %zu, \"seconds\": %.6f, "
           "\"per_second\": %.1f, \"processor_us\": %.2f}\n",
           sent, total, lost, retransmitted, wrong, forged, unsigned_answers, stray, held_back, elapsed,
           elapsed > 0 ? (double)total / elapsed : 0, total ? processor * 1e6 / (double)total : 0);
}

/* ---- getting ready */

static struct sockaddr_in address_of(const char *host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        fail("an address is not one of IPv4");
    return address;
}

static void add_client(char *argument)
{
    char *secret = strchr(argument, '=');
    if (!secret || client_count == MOST_CLIENTS)
        fail("--client ADDRESS=SECRET, at most 16 times");
    *secret++ = 0;
    struct client *client = &clients[client_count++];
    client->address = address_of(argument, 0);
    secret_prepare(&client->secret, secret);
}

static void read_records(void)
{
    FILE *file = fopen(options.requests, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        fail(options.requests);
    size_t size = (size_t)ftell(file);
    uint8_t *octets = malloc(size + 1);
    rewind(file);
    if (!octets || fread(octets, 1, size, file) != size)
        fail(options.requests);
    fclose(file);
    records = malloc((size / (sizeof(struct head) + HEADER) + 1) * sizeof *records);
    for (size_t at = 0; records && at < size;) {
        struct head head;
        if (size - at < sizeof head)
            fail("the last record is cut off");
        memcpy(&head, octets + at, sizeof head);
        if (head.length < HEADER || size - at - sizeof head < head.length || head.client >= client_count ||
            (head.signature && (head.signature < HEADER || head.signature + MD5_OCTETS > head.length)))
            fail("a record is broken");
        records[record_count++] = octets + at;
        at += sizeof head + head.length;
    }
    for (int kind = 0; kind < KINDS; kind++)
        samples[kind] = malloc((record_count * options.rounds + 1) * sizeof *samples[kind]);
    if (!records || !samples[ACCESS] || !samples[ACCOUNTING])
        fail("no memory");
}

static void open_sockets(void)
{
    socket_count = client_count * options.sockets;
    if (!client_count || options.sockets < 1 || socket_count > MOST_SOCKETS)
        fail("a client with 1 socket is needed; 256 sockets are the most");
    lines = calloc((size_t)socket_count, sizeof *lines);
    sockets = calloc((size_t)socket_count, sizeof *sockets);
    if (!lines || !sockets)
        fail("no memory");
    for (int i = 0; i < socket_count; i++) {
        struct client *client = &clients[i / options.sockets];
        int buffer = 1 << 20;
        if (i % options.sockets == 0)
            client->first_socket = i;
        lines[i].client = i / options.sockets;
        sockets[i].events = POLLIN;
        sockets[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        setsockopt(sockets[i].fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        struct sockaddr *address = (struct sockaddr *)&client->address;
        if (sockets[i].fd < 0 || bind(sockets[i].fd, address, sizeof client->address))
            fail("a socket");
    }
}

static void read_options(int count, char **arguments)
{
    static const struct option KNOWN[] = {
        {"requests", 1, NULL, 'f'}, {"client", 1, NULL, 'c'},  {"sockets", 1, NULL, 's'},
        {"auth-port", 1, NULL, 'a'}, {"acct-port", 1, NULL, 'b'}, {"window", 1, NULL, 'w'},
        {"rate", 1, NULL, 'r'},     {"seconds", 1, NULL, 't'}, {"first", 1, NULL, 'i'},
        {"count", 1, NULL, 'n'},    {"timeout", 1, NULL, 'o'}, {"tries", 1, NULL, 'y'},
        {"rounds", 1, NULL, 'm'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(count, arguments, "", KNOWN, NULL)) != -1;) {
        switch (option) {
        case 'f': options.requests = optarg; break;
        case 'c': add_client(optarg); break;
        case 's': options.sockets = atoi(optarg); break;
        case 'a': options.auth_port = atoi(optarg); break;
        case 'b': options.acct_port = atoi(optarg); break;
        case 'w': options.window = atoi(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        case 'i': options.first = strtoull(optarg, NULL, 10); break;
        case 'n': options.count = strtoull(optarg, NULL, 10); break;
        case 'o': options.timeout = atof(optarg); break;
        case 'm': options.rounds = strtoull(optarg, NULL, 10); break;
        case 'y': options.tries = atoi(optarg); break;
        default: exit(2);
        }
    }
    if (!options.requests || options.window < 1 || options.tries < 1 || options.rounds < 1 ||
        options.timeout <= 0)
        fail("--requests FILE --client ADDRESS=SECRET --auth-port N --acct-port N, and nothing 0");
}

int main(int count, char **arguments)
{
    errno = 0;
    read_options(count, arguments);
    servers[ACCESS] = address_of("127.0.0.1", options.auth_port);
    servers[ACCOUNTING] = address_of("127.0.0.1", options.acct_port);
    read_records();
    open_sockets();
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0); /* a nanosecond: requests of the open loop go out when due */
    signal(SIGINT, stop);
    run();
    print_figures();
    return 0;
}
