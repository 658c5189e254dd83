/* Listeners: thousands of WebSocket connections in one thread, which is done with a frame in about two microseconds.

   usage: listeners <port> [<heartbeat, milliseconds; 0: none>]

   Obeys lines on stdin, answers each with one line of JSON, and ends when stdin does. SIGTERM: reports, and ends.

     open <count> <mode> <feed> <subprotocol> <path>
         opens connections. Mode `read` takes all; `stuck` never reads after the first message; `slow:<bytes>` reads so
         many bytes a second. Only `read` counts among those that a frame is to reach. Feed: which frames these are, as
         their stamps say. Subprotocol `-`: none is offered, and the handshake is the first message.
     mark                forgets what was counted so far
     report <feed|all>   what came since the mark, times in microseconds from the publication of each frame

   A frame's stamp (websocket.h) is at the beginning of a binary message or, base64, in `audioData` of a JSON one. */

#include "websocket.h"

#define READ_BYTES 262144
#define WINDOW 16384 /* Frames of a feed that are remembered. */
#define PREFIX 96
#define AT_ONCE 64
#define HANDSHAKE_BYTES 16384
#define SLOTS 1024 /* Of the histogram: 32 for each doubling. */

enum state { CONNECTING, UPGRADING, AWAITING, OPEN, CLOSED };
enum mode { READ, STUCK, SLOW };

struct listener {
    int fd, feed;
    enum state state;
    enum mode mode;
    int wants_message, bytes_a_second;
    char key[25];
    /* The frame under way, and the message that it belongs to: control frames may come between its parts. */
    unsigned char header[10], control[125], prefix[PREFIX];
    int header_size, control_size, prefix_size, opcode, is_text, fragmented;
    uint64_t left;
    /* What came. */
    uint64_t frames, next_number, heartbeat_at;
    char *handshake;
    size_t handshake_size;
};

/* One published frame, and whom it has reached. */
struct arrival {
    uint64_t number, sent, first, middle, last;
    uint32_t count;
    uint8_t used;
};

static struct listener *listeners[MOST_SOCKETS];
static int in_order[MOST_SOCKETS], opened_total, alive, reading;
static struct arrival *arrivals[MOST_FEEDS];
static uint32_t expected[MOST_FEEDS];
static uint64_t histogram[SLOTS];
static int loop, port;
static uint64_t heartbeat_ns;

static struct { uint64_t frames, messages, bytes, pings, misordered, missing, errors, closed, at; } counted;
static struct { int left, under_way, feed, mode, rate, failed, opened; char protocol[64], path[1024]; uint64_t began; } opening;

static void open_more(void);

static int slot_of(uint64_t us)
{
    if (us < 32)
        return (int)us;
    int doubling = 63 - __builtin_clzll(us);
    int slot = (doubling - 4) * 32 + (int)(us >> (doubling - 5) & 31);
    return slot < SLOTS ? slot : SLOTS - 1;
}

static double slot_us(int slot)
{
    if (slot < 32)
        return slot;
    int doubling = slot / 32 + 4;
    return (double)(1ull << doubling) * (1.0 + (slot % 32 + 0.5) / 32.0);
}

static void settle_opening(int succeeded)
{
    opening.under_way--;
    if (succeeded)
        opening.opened++;
    else
        opening.failed++;
}

static void lose(struct listener *one)
{
    if (one->state == CLOSED)
        return;
    if (one->state != OPEN)
        settle_opening(0);
    else {
        counted.closed++;
        alive--;
        if (one->mode == READ)
            reading--, expected[one->feed]--;
    }
    one->state = CLOSED;
    close(one->fd);
    free(one->handshake);
    one->handshake = NULL;
}

static void arrived(struct listener *one, const struct stamp *stamp, uint64_t now)
{
    counted.frames++;
    one->frames++;
    if (stamp->feed >= MOST_FEEDS || (int)stamp->feed != one->feed) {
        counted.errors++;
        return;
    }
    if (one->next_number && stamp->number < one->next_number)
        counted.misordered++;
    else if (one->next_number)
        counted.missing += stamp->number - one->next_number;
    one->next_number = stamp->number + 1;
    if (one->mode != READ || stamp->sent < counted.at)
        return;
    if (!arrivals[one->feed])
        arrivals[one->feed] = calloc(WINDOW, sizeof(struct arrival));
    struct arrival *frame = &arrivals[one->feed][stamp->number % WINDOW];
    if (!frame->used || frame->number != stamp->number)
        *frame = (struct arrival){.number = stamp->number, .sent = stamp->sent, .first = now, .used = 1};
    frame->count++;
    frame->last = now;
    if (frame->count * 2 >= expected[one->feed] && !frame->middle)
        frame->middle = now;
    histogram[slot_of(now > stamp->sent ? (now - stamp->sent) / 1000 : 0)]++;
}

static int letter(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int stamp_of(struct listener *one, struct stamp *stamp)
{
    const unsigned char *at = one->prefix;
    unsigned char plain[24];
    if (one->is_text) {
        at = memmem(one->prefix, (size_t)one->prefix_size, "\"audioData\":\"", 13);
        if (!at || at + 13 + 32 > one->prefix + one->prefix_size)
            return 0;
        at += 13;
        for (int i = 0; i < 8; i++) {
            uint32_t four = 0;
            for (int j = 0; j < 4; j++) {
                int bits = letter(at[i * 4 + j]);
                if (bits < 0)
                    return 0;
                four = four << 6 | (uint32_t)bits;
            }
            plain[i * 3] = (unsigned char)(four >> 16), plain[i * 3 + 1] = (unsigned char)(four >> 8);
            plain[i * 3 + 2] = (unsigned char)four;
        }
        at = plain;
    } else if (one->prefix_size < (int)sizeof *stamp)
        return 0;
    memcpy(stamp, at, sizeof *stamp);
    return stamp->magic == MAGIC;
}

/* A client's frames are masked; a mask that changes nothing is one too. */
static void say(struct listener *one, int opcode, const void *payload, size_t size)
{
    unsigned char frame[6 + 125];
    if (size > 125)
        size = 125;
    frame[0] = (unsigned char)(0x80 | opcode), frame[1] = (unsigned char)(0x80 | size);
    memset(frame + 2, 0, 4);
    memcpy(frame + 6, payload, size);
    send(one->fd, frame, size + 6, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void welcome(struct listener *one)
{
    one->state = OPEN;
    free(one->handshake);
    one->handshake = NULL;
    one->heartbeat_at = heartbeat_ns ? now_ns() + heartbeat_ns : 0;
    alive++;
    settle_opening(1);
    if (one->mode == READ) {
        reading++, expected[one->feed]++;
        return;
    }
    struct epoll_event event = {.events = 0, .data.fd = one->fd};
    epoll_ctl(loop, EPOLL_CTL_MOD, one->fd, &event);
}

static void whole_frame(struct listener *one, uint64_t now)
{
    struct stamp stamp;
    one->header_size = 0;
    switch (one->opcode) {
    case 0: case 1: case 2:
        if (one->fragmented)
            return;
        if (stamp_of(one, &stamp))
            arrived(one, &stamp, now);
        else
            counted.messages++;
        if (one->state == AWAITING)
            welcome(one);
        one->prefix_size = 0;
        return;
    case 8:
        say(one, 8, one->control, (size_t)one->control_size);
        lose(one);
        break;
    case 9:
        counted.pings++;
        say(one, 10, one->control, (size_t)one->control_size);
    }
    one->control_size = 0;
}

/* RFC 6455, section 5.2, as a client must read it. Returns 0 where a server breaks it. */
static int header_is_sound(struct listener *one)
{
    int first = one->header[0], second = one->header[1], opcode = first & 15, fin = first & 128;
    if (first & 0x70 || second & 128 || (opcode > 2 && opcode < 8) || opcode > 10)
        return 0;
    if (opcode >= 8)
        return fin && (second & 127) < 126;
    if ((opcode == 0) != one->fragmented)
        return 0;
    one->fragmented = !fin;
    one->is_text = opcode ? opcode == 1 : one->is_text;
    return 1;
}

static void parse(struct listener *one, const unsigned char *data, size_t size, uint64_t now)
{
    while (one->state != CLOSED) {
        int small = one->header_size >= 2 ? one->header[1] & 127 : 0;
        int wanted = one->header_size < 2 ? 2 : small < 126 ? 2 : small == 126 ? 4 : 10;
        if (one->header_size < wanted) {
            if (!size)
                return;
            one->header[one->header_size++] = *data++;
            size--;
            if (one->header_size == 2) {
                if (!header_is_sound(one)) {
                    counted.errors++;
                    lose(one);
                    return;
                }
                one->opcode = one->header[0] & 15;
                one->left = one->header[1] & 127;
                if (one->left < 126 && !one->left)
                    whole_frame(one, now);
            } else if (one->header_size == wanted) {
                one->left = 0;
                for (int i = 2; i < wanted; i++)
                    one->left = one->left << 8 | one->header[i];
                if (!one->left)
                    whole_frame(one, now);
            }
            continue;
        }
        if (!size)
            return;
        size_t part = one->left < size ? (size_t)one->left : size;
        int is_control = one->opcode >= 8;
        int *have = is_control ? &one->control_size : &one->prefix_size;
        size_t room = (is_control ? sizeof one->control : PREFIX) - (size_t)*have, kept = part < room ? part : room;
        memcpy((is_control ? one->control : one->prefix) + *have, data, kept);
        *have += (int)kept;
        data += part, size -= part, one->left -= part;
        if (!one->left)
            whole_frame(one, now);
    }
}

static void upgrade(struct listener *one, const unsigned char *data, size_t size, uint64_t now)
{
    if (one->handshake_size + size >= HANDSHAKE_BYTES) {
        lose(one);
        return;
    }
    memcpy(one->handshake + one->handshake_size, data, size);
    one->handshake_size += size;
    one->handshake[one->handshake_size] = 0;
    char *end = memmem(one->handshake, one->handshake_size, "\r\n\r\n", 4);
    if (!end)
        return;
    char accept[32];
    accept_of(one->key, accept);
    char *said = strcasestr(one->handshake, "\r\nSec-WebSocket-Accept: ");
    if (strncmp(one->handshake, "HTTP/1.1 101", 12) || !said || strncmp(said + 24, accept, 28)) {
        if (!opening.failed)
            fprintf(stderr, "not let in: %.300s\n", one->handshake);
        lose(one);
        return;
    }
    unsigned char rest[HANDSHAKE_BYTES];
    size_t more = one->handshake_size - (size_t)(end + 4 - one->handshake);
    memcpy(rest, end + 4, more);
    one->state = AWAITING;
    if (!one->wants_message)
        welcome(one);
    parse(one, rest, more, now);
}

static void hear(struct listener *one, size_t most)
{
    static unsigned char data[READ_BYTES];
    ssize_t size = recv(one->fd, data, most, 0);
    if (size <= 0) {
        if (size == 0 || errno != EAGAIN)
            lose(one);
        return;
    }
    uint64_t now = now_ns();
    counted.bytes += (uint64_t)size;
    if (one->state == UPGRADING)
        upgrade(one, data, (size_t)size, now);
    else
        parse(one, data, (size_t)size, now);
}

static void ask(struct listener *one)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) {
        lose(one);
        return;
    }
    unsigned char nonce[16];
    for (int i = 0; i < 16; i++)
        nonce[i] = (unsigned char)rand();
    base64(nonce, 16, one->key);
    char request[2048], offer[128] = "";
    if (one->wants_message && strcmp(opening.protocol, "plain"))
        snprintf(offer, sizeof offer, "Sec-WebSocket-Protocol: %s\r\n", opening.protocol);
    int size = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%s"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", opening.path, port, offer, one->key);
    one->state = UPGRADING;
    one->handshake = malloc(HANDSHAKE_BYTES);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = one->fd};
    epoll_ctl(loop, EPOLL_CTL_MOD, one->fd, &event);
    if (send(one->fd, request, (size_t)size, MSG_NOSIGNAL) != size)
        lose(one);
}

static void open_one(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    if (fd < 0 || fd >= MOST_SOCKETS)
        fail("no more sockets: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    free(listeners[fd]);
    struct listener *one = listeners[fd] = calloc(1, sizeof *one);
    in_order[opened_total % MOST_SOCKETS] = fd;
    opened_total++;
    one->fd = fd, one->feed = opening.feed, one->mode = (enum mode)opening.mode, one->bytes_a_second = opening.rate;
    one->wants_message = strcmp(opening.protocol, "-") != 0;
    opening.left--, opening.under_way++;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        lose(one);
}

static void open_more(void)
{
    if (!opening.began)
        return;
    while (opening.left && opening.under_way < AT_ONCE)
        open_one();
    if (opening.left || opening.under_way)
        return;
    printf("{\"opened\": %d, \"failed\": %d, \"seconds\": %.3f}\n", opening.opened, opening.failed,
        (double)(now_ns() - opening.began) / 1e9);
    fflush(stdout);
    opening.began = 0;
}

static int by_value(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static void spread(const char *name, double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    printf(", \"%s\": ", name);
    if (!count) {
        printf("null");
        return;
    }
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    printf("{\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"max\": %.1f, \"mean\": %.1f}", values[(count - 1) / 2],
        values[(size_t)((double)(count - 1) * 0.9)], values[(size_t)((double)(count - 1) * 0.99)], values[count - 1],
        sum / (double)count);
}

static double histogram_at(double share)
{
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < SLOTS; i++)
        total += histogram[i];
    for (int i = 0; i < SLOTS; i++)
        if ((seen += histogram[i]) > (uint64_t)((double)total * share))
            return slot_us(i);
    return 0;
}

static void report(int feed)
{
    size_t complete = 0, incomplete = 0, room = 0;
    double *times[3];
    for (int i = 0; i < MOST_FEEDS; i++)
        room += arrivals[i] ? WINDOW : 0;
    for (int i = 0; i < 3; i++)
        times[i] = malloc((room + 1) * sizeof(double));
    for (int i = 0; i < MOST_FEEDS; i++)
        for (size_t j = 0; arrivals[i] && (feed < 0 || feed == i) && j < WINDOW; j++) {
            struct arrival *frame = &arrivals[i][j];
            if (!frame->used || frame->sent < counted.at)
                continue;
            if (frame->count < expected[i]) {
                incomplete++;
                continue;
            }
            times[0][complete] = ((double)frame->first - (double)frame->sent) / 1e3;
            times[1][complete] = ((double)frame->middle - (double)frame->sent) / 1e3;
            times[2][complete++] = ((double)frame->last - (double)frame->sent) / 1e3;
        }
    printf("{\"open\": %d, \"reading\": %d, \"closed\": %llu, \"frames\": %llu, \"messages\": %llu, \"bytes\": %llu, "
           "\"pings\": %llu, \"misordered\": %llu, \"missing\": %llu, \"errors\": %llu, \"complete\": %zu, "
           "\"incomplete\": %zu, \"cpu\": %.6f",
        alive, reading, (unsigned long long)counted.closed, (unsigned long long)counted.frames,
        (unsigned long long)counted.messages, (unsigned long long)counted.bytes, (unsigned long long)counted.pings,
        (unsigned long long)counted.misordered, (unsigned long long)counted.missing,
        (unsigned long long)counted.errors, complete, incomplete, cpu_seconds());
    spread("first", times[0], complete);
    spread("middle", times[1], complete);
    spread("last", times[2], complete);
    printf(", \"arrival\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}}\n", histogram_at(0.5), histogram_at(0.99),
        histogram_at(0.999999999));
    fflush(stdout);
    for (int i = 0; i < 3; i++)
        free(times[i]);
}

static void mark(void)
{
    memset(&counted, 0, sizeof counted);
    memset(histogram, 0, sizeof histogram);
    counted.at = now_ns();
    printf("{\"open\": %d}\n", alive);
    fflush(stdout);
}

static void obey(char *line)
{
    char mode[64], protocol[64], path[1024], which[16];
    int count, feed;
    if (sscanf(line, "open %d %63s %d %63s %1023s", &count, mode, &feed, protocol, path) == 5
        && feed >= 0 && feed < MOST_FEEDS && !opening.began) {
        memset(&opening, 0, sizeof opening);
        opening.left = count, opening.feed = feed, opening.began = now_ns();
        opening.mode = !strcmp(mode, "read") ? READ : !strcmp(mode, "stuck") ? STUCK : SLOW;
        opening.rate = opening.mode == SLOW && !strncmp(mode, "slow:", 5) ? atoi(mode + 5) : 0;
        strcpy(opening.protocol, protocol);
        strcpy(opening.path, path);
    } else if (!strcmp(line, "mark"))
        mark();
    else if (sscanf(line, "report %15s", which) == 1)
        report(strcmp(which, "all") ? atoi(which) : -1);
    else
        fail("not understood: %s", line);
}

static void listen_to_orders(void)
{
    static char lines[8192];
    static size_t have;
    ssize_t size = read(0, lines + have, sizeof lines - 1 - have);
    if (size <= 0)
        exit(0);
    have += (size_t)size;
    lines[have] = 0;
    for (char *end; (end = strchr(lines, '\n'));) {
        *end = 0;
        obey(lines);
        have -= (size_t)(end + 1 - lines);
        memmove(lines, end + 1, have + 1);
    }
}

/* Ten times a second: what slow listeners may read by now, and heartbeats that are due. */
static void tend(void)
{
    static const char heartbeat[] = "{\"action\":\"heartbeat\"}";
    uint64_t now = now_ns();
    for (int i = 0; i < opened_total && i < MOST_SOCKETS; i++) {
        struct listener *one = listeners[in_order[i]];
        if (!one || one->state != OPEN)
            continue;
        if (one->mode == SLOW)
            hear(one, (size_t)(one->bytes_a_second / 10 < READ_BYTES ? one->bytes_a_second / 10 : READ_BYTES));
        if (one->state == OPEN && one->heartbeat_at && now >= one->heartbeat_at) {
            one->heartbeat_at += heartbeat_ns;
            say(one, 1, heartbeat, sizeof heartbeat - 1);
        }
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    if (argc < 2)
        fail("usage: listeners <port> [<heartbeat, milliseconds>]");
    port = atoi(argv[1]);
    heartbeat_ns = argc > 2 ? (uint64_t)atoll(argv[2]) * 1000000u : 0;
    srand((unsigned)now_ns());
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    loop = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), told = signalfd(-1, &ends, SFD_NONBLOCK);
    struct itimerspec pace = {.it_interval = {0, 100000000}, .it_value = {0, 100000000}};
    timerfd_settime(timer, 0, &pace, NULL);
    int watched[] = {0, timer, told};
    for (int i = 0; i < 3; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = watched[i]};
        epoll_ctl(loop, EPOLL_CTL_ADD, watched[i], &event);
    }
    printf("{\"ready\": true}\n");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[512];
        int count = epoll_wait(loop, events, 512, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            uint64_t passed;
            if (fd == 0)
                listen_to_orders();
            else if (fd == timer) {
                if (read(timer, &passed, sizeof passed) == sizeof passed)
                    tend();
            } else if (fd == told) {
                report(-1);
                exit(0);
            } else {
                struct listener *one = listeners[fd];
                if (!one || one->state == CLOSED)
                    continue;
                if (one->state == CONNECTING)
                    ask(one);
                else if (one->state != OPEN || one->mode == READ)
                    hear(one, READ_BYTES);
                else if (events[i].events & (EPOLLHUP | EPOLLERR))
                    lose(one);
            }
        }
        open_more();
    }
}
