/* The floor: what fan-out costs when nothing is done but plain send() of a prebuilt frame to every socket.

   usage: floor <send buffer, bytes>

   Says {"port": ...} once it listens. A listener's feed is the number after "feed=" in its path. Then obeys lines on
   stdin, and ends when stdin does:

     publish <feeds> <frames> <at once> <microseconds> <bytes>

   publishes to each of the first feeds so many frames of so many bytes, some of them at once, a tick every so many
   microseconds, and answers with one line of JSON. Where a peer does not take a frame at once, all wait for it. */

#include "websocket.h"

#include <poll.h>

#define MOST_BYTES 65000

struct peer {
    int feed; /* -1: no handshake yet. */
};

struct members {
    int *fds;
    int count, room;
};

static struct peer *peers[MOST_SOCKETS];
static struct members feeds[MOST_FEEDS];
static uint64_t numbers[MOST_FEEDS];
static unsigned char frame[MOST_BYTES + 4];
static int loop, timer, send_buffer;
static uint64_t waits;

static struct { uint64_t ticks, frames, at_once, interval, began, bytes; int feeds; double cpu; } work;

static void leave(int fd)
{
    struct peer *peer = peers[fd];
    if (peer->feed >= 0) {
        struct members *feed = &feeds[peer->feed];
        for (int i = 0; i < feed->count; i++)
            if (feed->fds[i] == fd) {
                feed->fds[i] = feed->fds[--feed->count];
                break;
            }
    }
    free(peer);
    peers[fd] = NULL;
    close(fd);
}

static void greet(int fd, char *request)
{
    char *key = strcasestr(request, "Sec-WebSocket-Key: ");
    char *feed = strstr(request, "feed=");
    if (!key) {
        leave(fd);
        return;
    }
    char accept[32], answer[256];
    accept_of(key + 19, accept);
    int size = snprintf(answer, sizeof answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    if (send(fd, answer, (size_t)size, MSG_NOSIGNAL) != size) {
        leave(fd);
        return;
    }
    int number = feed ? atoi(feed + 5) : 0;
    peers[fd]->feed = number >= 0 && number < MOST_FEEDS ? number : 0;
    struct members *members = &feeds[peers[fd]->feed];
    if (members->count == members->room) {
        members->room = members->room ? members->room * 2 : 64;
        members->fds = realloc(members->fds, (size_t)members->room * sizeof(int));
    }
    members->fds[members->count++] = fd;
}

static void come(int listening)
{
    int fd;
    while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int on = 1;
        if (fd >= MOST_SOCKETS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (send_buffer)
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
        peers[fd] = calloc(1, sizeof(struct peer));
        peers[fd]->feed = -1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
    }
}

/* What clients say after the handshake is read and thrown away. */
static void hear(int fd)
{
    static char request[16384];
    ssize_t size = recv(fd, request, sizeof request - 1, 0);
    if (size <= 0) {
        if (size == 0 || errno != EAGAIN)
            leave(fd);
        return;
    }
    request[size] = 0;
    if (peers[fd]->feed < 0)
        greet(fd, request);
}

static void send_frame(int fd, size_t size)
{
    ssize_t taken = send(fd, frame, size, MSG_NOSIGNAL);
    for (size_t sent = 0; taken != (ssize_t)(size - sent);) {
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        if (taken < 0 && errno != EAGAIN)
            return; /* It is gone, which epoll tells too. */
        sent += taken > 0 ? (size_t)taken : 0;
        waits++;
        poll(&room, 1, 1000);
        taken = send(fd, frame + sent, size - sent, MSG_NOSIGNAL);
    }
}

static void publish(int feed)
{
    struct stamp stamp = {MAGIC, (uint32_t)feed, numbers[feed]++, now_ns()};
    frame[0] = 0x82, frame[1] = 126, frame[2] = (unsigned char)(work.bytes >> 8), frame[3] = (unsigned char)work.bytes;
    memcpy(frame + 4, &stamp, sizeof stamp);
    struct members *members = &feeds[feed];
    for (int i = 0; i < members->count; i++)
        send_frame(members->fds[i], work.bytes + 4);
}

static void tick(void)
{
    for (uint64_t i = 0; i < work.at_once && work.frames; i++, work.frames--)
        for (int feed = 0; feed < work.feeds; feed++)
            publish(feed);
    if (work.frames)
        return;
    double took = (double)(now_ns() - work.began) / 1e9, cpu = cpu_seconds() - work.cpu;
    printf("{\"waits\": %llu, \"seconds\": %.6f, \"cpu\": %.6f}\n", (unsigned long long)waits, took, cpu);
    fflush(stdout);
    work.ticks = 0;
    struct itimerspec never = {0};
    timerfd_settime(timer, 0, &never, NULL);
}

static void obey(char *line)
{
    unsigned long long frames, at_once, interval, bytes;
    if (sscanf(line, "publish %d %llu %llu %llu %llu", &work.feeds, &frames, &at_once, &interval, &bytes) != 5
        || work.feeds < 1 || work.feeds > MOST_FEEDS || bytes < sizeof(struct stamp) || bytes > MOST_BYTES || !at_once)
        fail("not understood: %s", line);
    work.frames = frames, work.at_once = at_once, work.bytes = bytes, work.ticks = 1;
    work.interval = interval ? interval * 1000 : 1;
    work.began = now_ns(), work.cpu = cpu_seconds();
    waits = 0;
    struct itimerspec pace = {
        .it_interval = {(time_t)(work.interval / 1000000000), (long)(work.interval % 1000000000)}, .it_value = {0, 1}};
    timerfd_settime(timer, 0, &pace, NULL);
}

static void listen_to_orders(void)
{
    static char lines[4096];
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

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    send_buffer = argc > 1 ? atoi(argv[1]) : 0;
    loop = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listening, (struct sockaddr *)&address, length) || listen(listening, 4096)
        || getsockname(listening, (struct sockaddr *)&address, &length))
        fail("cannot listen: %s", strerror(errno));
    int watched[] = {0, timer, listening};
    for (int i = 0; i < 3; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = watched[i]};
        epoll_ctl(loop, EPOLL_CTL_ADD, watched[i], &event);
    }
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(loop, events, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            uint64_t passed;
            if (fd == 0)
                listen_to_orders();
            else if (fd == listening)
                come(listening);
            else if (fd != timer)
                hear(fd);
            else if (read(timer, &passed, sizeof passed) == sizeof passed && work.ticks)
                tick();
        }
    }
}
