/* Load for WebSocket servers on this machine: one thread, epoll, frames that are made once.
 *
 *   load echo    asks on every connection with so many requests in flight
 *   load fanout  one speaker, many members, one broadcast at a time; some members may stop reading
 *   load storm   opens connections as fast as it can, each until its first request is answered
 *   load hold    opens connections and holds them until told otherwise on stdin
 *
 * The options are those in `benchmarks/load.py`, which starts it and knows what the server says. Every frame that arrives
 * is compared with what it must be, byte for byte: an answer that is not real ends the run. The result is a line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 50, MOST_STEPS = 16, MOST_ASKS = 16, EVENTS = 512, HEAD_BYTES = 4096 };
enum { READ_BYTES = 1 << 18, KEPT_BYTES = 1 << 17, STALLED_RECEIVE_BYTES = 4096 };
enum { TEXT = 0x81, CLOSE = 0x88, PING = 0x89, PONG = 0x8A };

typedef struct { char *data; size_t size; } Bytes;
typedef struct { bool send; Bytes bytes; } Step; /* a frame to send, or how the next text that arrives must begin */
typedef enum { FREE, CONNECTING, UPGRADING, OPENING, READY } State;
typedef enum { ASKER, MEMBER, SPEAKER, STALLED } Role;

typedef struct {
    int fd;
    State state;
    Role role;
    int step;
    uint64_t heard; /* the last broadcast that it got */
    char *kept;     /* the beginning of a frame whose rest has not arrived */
    size_t kept_size;
    uint64_t started;
    uint64_t sent[MOST_ASKS];
} Connection;

static struct {
    const char *mode, *accept;
    int port, other_port, pid, connections, in_flight, warm_connections, stalled, prefill;
    double seconds, warm_up, limit;
    Bytes request, ping, pong, say, said, done;
    Step opening[MOST_STEPS], joining[MOST_STEPS];
    int opening_steps, joining_steps;
    Bytes ask[MOST_ASKS], answer[MOST_ASKS];
    int asks, answers;
} plan = {.in_flight = 1, .connections = 1, .seconds = 1, .limit = 5};

static int epoll;
static Connection *connections;
static int allotted, ready, opening, lost;
static char buffer[KEPT_BYTES + READ_BYTES];
static unsigned char mask[4];
static uint64_t now;
static bool broken; /* the server did not deliver in time */

/* Operations and how long each took, from the last `begin`. */
static uint64_t operations, *samples, begun, ended;
static size_t sampled, room;
static double own_before, server_before, own_spent, server_spent;
static bool recording;

/* The broadcast that is on its way. */
static Connection *speaker;
static uint64_t broadcast, said_at;
static int missing;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void *allocate(void *old, size_t size) {
    void *memory = realloc(old, size);
    if (!memory) fail("out of memory");
    return memory;
}

static uint64_t clock_ns(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time)) return 0;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void look_at_clock(void) { now = clock_ns(CLOCK_MONOTONIC); }

static double own_cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static double server_cpu(void) {
    clockid_t clock;
    return plan.pid && !clock_getcpuclockid(plan.pid, &clock) ? (double)clock_ns(clock) / 1e9 : 0;
}

static void begin(void) {
    operations = sampled = 0;
    recording = true;
    own_before = own_cpu();
    server_before = server_cpu();
    look_at_clock();
    begun = now;
}

static void end(void) {
    look_at_clock();
    ended = now;
    own_spent = own_cpu() - own_before;
    server_spent = server_cpu() - server_before;
    recording = false;
}

static void took(uint64_t since) {
    if (!recording) return;
    operations++;
    if (sampled == room) samples = allocate(samples, (room = room ? 2 * room : 1 << 16) * sizeof *samples);
    samples[sampled++] = now - since;
}

static int ascending(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static double quantile_us(double share) {
    return sampled ? (double)samples[(size_t)(share * (double)(sampled - 1))] / 1e3 : 0;
}

static void print_result(void) {
    double seconds = (double)(ended - begun) / 1e9;
    qsort(samples, sampled, sizeof *samples, ascending);
    printf("{\"operations\": %llu, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, "
           "\"load_cpu_seconds\": %.6f, \"server_cpu_seconds\": %.6f, \"connections\": %d, \"lost\": %d, "
           "\"blocked\": %s}\n",
           (unsigned long long)operations, seconds, quantile_us(0.5), quantile_us(0.99), quantile_us(1), own_spent,
           server_spent, ready, lost, broken ? "true" : "false");
    fflush(stdout);
}

/* A client's frame; servers may treat a mask of zeros as none, so that it is random. */
static Bytes framed(int opcode, const char *data, size_t size) {
    Bytes frame = {allocate(NULL, size + 14), 0};
    unsigned char *to = (unsigned char *)frame.data;
    to[0] = (unsigned char)opcode;
    size_t head = 2;
    if (size < 126) {
        to[1] = (unsigned char)(0x80 | size);
    } else if (size < 65536) {
        to[1] = 0x80 | 126;
        to[2] = (unsigned char)(size >> 8);
        to[3] = (unsigned char)size;
        head = 4;
    } else {
        fail("frames of 64 KiB and more are not sent");
    }
    memcpy(to + head, mask, 4);
    for (size_t i = 0; i < size; i++) to[head + 4 + i] = (unsigned char)data[i] ^ mask[i % 4];
    frame.size = head + 4 + size;
    return frame;
}

static void write_all(Connection *connection, const char *data, size_t size) {
    ssize_t written = send(connection->fd, data, size, MSG_NOSIGNAL);
    if (written != (ssize_t)size) fail("the server does not take what is sent: %s", strerror(errno));
}

static void watch(Connection *connection, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event)) fail("epoll_ctl: %s", strerror(errno));
}

static Connection *open_connection(Connection *connection, Role role) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, small = STALLED_RECEIVE_BYTES;
    if (fd < 0) fail("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* It stalls when the buffers on the way are full, which should not take until the run is over. */
    if (role == STALLED) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    int port = plan.other_port && (connection - connections) % 2 ? plan.other_port : plan.port;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    free(connection->kept);
    *connection = (Connection){.fd = fd, .state = CONNECTING, .role = role, .started = now, .heard = broadcast};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl: %s", strerror(errno));
    opening++;
    return connection;
}

static Connection *open_next(Role role) { return open_connection(&connections[allotted++], role); }

static void is_ready(Connection *connection) {
    connection->state = READY;
    opening--;
    ready++;
    if (connection->role == STALLED) watch(connection, EPOLLRDHUP);
}

/* Goes on with what is said before a connection is ready, as far as it is this side's turn. */
static void take_steps(Connection *connection) {
    bool joins = connection->role == MEMBER || connection->role == STALLED;
    int total = plan.opening_steps + (joins ? plan.joining_steps : 0);
    for (; connection->step < total; connection->step++) {
        int own = connection->step - plan.opening_steps;
        Step *step = own < 0 ? &plan.opening[connection->step] : &plan.joining[own];
        if (!step->send) return;
        write_all(connection, step->bytes.data, step->bytes.size);
    }
    if (strcmp(plan.mode, "storm")) {
        is_ready(connection);
        return;
    }
    /* Its first request: an `is_ready` is counted with the answer. */
    connection->state = READY;
    write_all(connection, plan.ask[0].data, plan.ask[0].size);
}

static bool same(const Bytes *expected, const char *data, size_t size) {
    return size == expected->size && !memcmp(data, expected->data, size);
}

static void opened_by(Connection *connection, const char *data, size_t size) {
    int own = connection->step - plan.opening_steps;
    Step *step = own < 0 ? &plan.opening[connection->step] : &plan.joining[own];
    if (size < step->bytes.size || memcmp(data, step->bytes.data, step->bytes.size))
        fail("the server said %.*s and not %.*s", (int)size, data, (int)step->bytes.size, step->bytes.data);
    connection->step++;
    take_steps(connection);
}

static void answered(Connection *connection, const char *data, size_t size) {
    for (int number = 0; number < plan.asks; number++) {
        if (!same(&plan.answer[number], data, size) || !connection->sent[number]) continue;
        took(connection->sent[number]);
        connection->sent[number] = now;
        /* A write of its own, and not one for all that the last read has freed: clients do not wait to send several. */
        write_all(connection, plan.ask[number].data, plan.ask[number].size);
        return;
    }
    fail("this is no answer: %.*s", (int)size, data);
}

static void said(Connection *connection, const char *data, size_t size) {
    if (connection->role == SPEAKER) {
        if (!same(&plan.done, data, size)) fail("this acknowledges nothing: %.*s", (int)size, data);
    } else {
        if (!same(&plan.said, data, size)) fail("nobody said this: %.*s", (int)size, data);
        if (connection->heard == broadcast) fail("a member got a message twice");
        connection->heard = broadcast;
        took(said_at);
    }
    missing--;
}

static void storm_answered(Connection *connection, const char *data, size_t size) {
    if (!same(&plan.answer[0], data, size)) fail("this is no answer: %.*s", (int)size, data);
    is_ready(connection);
    took(connection->started);
}

static void text(Connection *connection, const char *data, size_t size) {
    if (plan.ping.size && same(&plan.ping, data, size)) {
        write_all(connection, plan.pong.data, plan.pong.size);
    } else if (connection->state == OPENING) {
        /* Others go on talking while it joins again. */
        if (lost && same(&plan.said, data, size)) return;
        opened_by(connection, data, size);
    } else if (!strcmp(plan.mode, "storm")) {
        storm_answered(connection, data, size);
    } else if (connection->role == ASKER) {
        answered(connection, data, size);
    } else {
        said(connection, data, size);
    }
}

/* Takes the frames that are complete; returns how many bytes that were. */
static size_t read_frames(Connection *connection, const char *data, size_t size) {
    size_t position = 0;
    while (size - position >= 2) {
        const unsigned char *head = (const unsigned char *)data + position;
        size_t length = head[1], body = 2;
        if (length == 126) {
            if (size - position < 4) break;
            length = (size_t)head[2] << 8 | head[3];
            body = 4;
        } else if (length > 126) {
            fail("a frame that is masked or larger than 64 KiB");
        }
        if (size - position < body + length) break;
        const char *payload = data + position + body;
        if (head[0] == TEXT) {
            text(connection, payload, length);
        } else if (head[0] == PING) {
            Bytes pong = framed(PONG, payload, length);
            write_all(connection, pong.data, pong.size);
            free(pong.data);
        } else if (head[0] == CLOSE) {
            fail("the server closed with %d", length < 2 ? 1005 : (unsigned char)payload[0] << 8 | (unsigned char)payload[1]);
        } else {
            fail("a frame with the first byte %02x", head[0]);
        }
        position += body + length;
    }
    return position;
}

/* Returns the length of the handshake's answer, or 0 as long as it is incomplete. */
static size_t read_head(const char *data, size_t size) {
    const char *separator = memmem(data, size, "\r\n\r\n", 4);
    if (!separator) {
        if (size > HEAD_BYTES) fail("the answer to the handshake has no end");
        return 0;
    }
    size_t length = (size_t)(separator - data) + 4;
    if (strncmp(data, "HTTP/1.1 101", 12) || !memmem(data, length, plan.accept, strlen(plan.accept)))
        fail("the handshake was answered with %.*s", (int)length, data);
    return length;
}

static void readable(Connection *connection) {
    size_t have = connection->kept_size;
    if (have) memcpy(buffer, connection->kept, have);
    ssize_t got = read(connection->fd, buffer + have, READ_BYTES);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) fail("the server dropped a connection");
    size_t size = have + (size_t)got, position = 0;
    if (connection->state == UPGRADING && (position = read_head(buffer, size))) {
        connection->state = OPENING;
        take_steps(connection);
    }
    if (connection->state != UPGRADING) position += read_frames(connection, buffer + position, size - position);
    connection->kept_size = size - position;
    if (!connection->kept_size) return;
    if (connection->kept_size > KEPT_BYTES) fail("a frame of more than 64 KiB");
    connection->kept = allocate(connection->kept, connection->kept_size);
    memcpy(connection->kept, buffer + position, connection->kept_size);
}

static void handle(Connection *connection, uint32_t events) {
    if (connection->role == STALLED && connection->state == READY) {
        /* The server gave it up. It comes back and stalls again: a share of them does at any time. */
        close(connection->fd);
        ready--;
        lost++;
        open_connection(connection, STALLED);
    } else if (connection->state == CONNECTING) {
        if (events & (EPOLLERR | EPOLLHUP)) fail("the server refused a connection");
        connection->state = UPGRADING;
        watch(connection, EPOLLIN);
        write_all(connection, plan.request.data, plan.request.size);
    } else {
        readable(connection);
    }
}

/* Waits until something happens or the time has come; returns whether stdin has something. */
static bool turn(uint64_t until) {
    struct epoll_event events[EVENTS];
    int64_t left = (int64_t)(until - now);
    int count = epoll_wait(epoll, events, EVENTS, left <= 0 ? 0 : (int)(left / 1000000) + 1);
    if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    look_at_clock();
    bool told = false;
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr) handle(events[i].data.ptr, events[i].events);
        else told = true;
        /* A batch may take longer than what is measured. */
        if (i % 16 == 15) look_at_clock();
    }
    return told;
}

static uint64_t later(double seconds) { return now + (uint64_t)(seconds * 1e9); }

static void open_all(int count, Role role) {
    int target = ready + opening + count;
    uint64_t deadline = later(60 + count / 50.0);
    while (ready < target) {
        while (opening < AT_ONCE && ready + opening < target) open_next(role);
        turn(deadline);
        if (now >= deadline) fail("%d of %d connections are open after a minute", ready, target);
    }
}

static void echo(void) {
    open_all(plan.connections, ASKER);
    for (int i = 0; i < allotted; i++)
        for (int number = 0; number < plan.in_flight; number++) {
            connections[i].sent[number] = now;
            write_all(&connections[i], plan.ask[number].data, plan.ask[number].size);
        }
    for (uint64_t until = later(plan.warm_up); now < until;) turn(until);
    begin();
    for (uint64_t until = later(plan.seconds); now < until;) turn(until);
    end();
}

/* Returns false if not all who read have it in time. */
static bool say(int listeners) {
    missing = listeners + 1;
    broadcast++;
    look_at_clock();
    said_at = now;
    write_all(speaker, plan.say.data, plan.say.size);
    for (uint64_t deadline = later(plan.limit); missing; turn(deadline))
        if (now >= deadline) return false;
    return true;
}

static void fanout(void) {
    int listeners = plan.connections - plan.stalled;
    /* Half of them have been stalled for long when measuring begins, the others begin with it. */
    open_all(plan.stalled / 2, STALLED);
    speaker = &connections[allotted];
    open_all(1, SPEAKER);
    for (int i = 0; i < plan.prefill && !broken; i++) broken = !say(0);
    if (!broken) open_all(listeners, MEMBER);
    if (!broken) open_all(plan.stalled - plan.stalled / 2, STALLED);
    uint64_t until = later(plan.warm_up);
    do broken = broken || !say(listeners);
    while (!broken && now < until);
    begin();
    until = later(plan.seconds);
    while (!broken && now < until) broken = !say(listeners);
    end();
}

static void storm(void) {
    open_all(plan.warm_connections, ASKER);
    begin();
    for (uint64_t until = later(plan.seconds); now < until && ready < plan.connections + plan.warm_connections;) {
        while (opening < AT_ONCE && allotted < plan.connections + plan.warm_connections) open_next(ASKER);
        turn(until);
    }
    end();
}

static void wait_for_line(void) {
    puts("ready");
    fflush(stdout);
    look_at_clock();
    while (!turn(later(1))) continue;
    for (char character = 0; character != '\n';)
        if (read(STDIN_FILENO, &character, 1) != 1) exit(0);
}

static void hold(void) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event)) fail("stdin must be a pipe");
    open_all(plan.warm_connections, ASKER);
    wait_for_line();
    begin();
    open_all(plan.connections, ASKER);
    end();
    operations = (uint64_t)plan.connections;
    wait_for_line();
}

static Bytes literal(char *value) { return (Bytes){value, strlen(value)}; }

static Bytes frame_of(char *value) { return framed(TEXT, value, strlen(value)); }

static void option(const char *name, char *value) {
    Step step = {name[strlen(name) - 1] == 'd', {0}}; /* --open-send, --join-send */
    if (!strcmp(name, "--port")) plan.port = atoi(value);
    else if (!strcmp(name, "--other-port")) plan.other_port = atoi(value);
    else if (!strcmp(name, "--pid")) plan.pid = atoi(value);
    else if (!strcmp(name, "--connections")) plan.connections = atoi(value);
    else if (!strcmp(name, "--in-flight")) plan.in_flight = atoi(value);
    else if (!strcmp(name, "--warm-connections")) plan.warm_connections = atoi(value);
    else if (!strcmp(name, "--stalled")) plan.stalled = atoi(value);
    else if (!strcmp(name, "--prefill")) plan.prefill = atoi(value);
    else if (!strcmp(name, "--seconds")) plan.seconds = atof(value);
    else if (!strcmp(name, "--warm-up")) plan.warm_up = atof(value);
    else if (!strcmp(name, "--limit")) plan.limit = atof(value);
    else if (!strcmp(name, "--request")) plan.request = literal(value);
    else if (!strcmp(name, "--accept")) plan.accept = value;
    else if (!strcmp(name, "--ping")) plan.ping = literal(value);
    else if (!strcmp(name, "--pong")) plan.pong = frame_of(value);
    else if (!strcmp(name, "--say")) plan.say = frame_of(value);
    else if (!strcmp(name, "--said")) plan.said = literal(value);
    else if (!strcmp(name, "--done")) plan.done = literal(value);
    else if (!strcmp(name, "--ask") && plan.asks < MOST_ASKS) plan.ask[plan.asks++] = frame_of(value);
    else if (!strcmp(name, "--answer") && plan.answers < MOST_ASKS) plan.answer[plan.answers++] = literal(value);
    else {
        step.bytes = step.send ? frame_of(value) : literal(value);
        if (!strncmp(name, "--open-", 7) && plan.opening_steps < MOST_STEPS)
            plan.opening[plan.opening_steps++] = step;
        else if (!strncmp(name, "--join-", 7) && plan.joining_steps < MOST_STEPS)
            plan.joining[plan.joining_steps++] = step;
        else fail("unknown option %s, or too many of it", name);
    }
}

int main(int count, char **arguments) {
    srandom((unsigned)(clock_ns(CLOCK_MONOTONIC) ^ (uint64_t)getpid()));
    for (int i = 0; i < 4; i++) mask[i] = (unsigned char)(random() | 1);
    if (count % 2) fail("usage: load MODE [--OPTION VALUE]...");
    plan.mode = arguments[1];
    for (int i = 2; i < count; i += 2) option(arguments[i], arguments[i + 1]);
    if (!plan.request.size || !plan.accept) fail("--request and --accept are missing");
    if (plan.asks != plan.answers || plan.in_flight > MOST_ASKS) fail("every --ask needs its --answer");
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)(plan.connections + plan.warm_connections + 1), sizeof *connections);
    if (epoll < 0 || !connections) fail("out of memory");
    look_at_clock();
    if (!strcmp(plan.mode, "echo")) echo();
    else if (!strcmp(plan.mode, "fanout")) fanout();
    else if (!strcmp(plan.mode, "storm")) storm();
    else if (!strcmp(plan.mode, "hold")) hold();
    else fail("unknown mode %s", plan.mode);
    print_result();
    return 0;
}
