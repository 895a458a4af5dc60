/* The floor: what one core can do at all, with epoll, without a language, a framework or any parsing.
 *
 *   floor PORT ACCEPT [answer REQUEST ANSWER | join REQUEST ANSWER | say REQUEST ANSWER MESSAGE]...
 *
 * It knows a request by its length, and gives a canned answer of the right length. A '#' marks where the one digit of
 * the id is. `join` also makes the connection a member; `say` sends the canned message to all members. It reads the heads
 * of frames and nothing else: no HTTP, no JSON, no UTF-8. A member that does not read gets no more messages.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, LONGEST = 1 << 16, READ_BYTES = 1 << 17, WRITE_BYTES = 1 << 16 };

typedef struct { char *data; size_t size; int id_place; } Frame;
typedef struct { bool known, joins; int id_place; Frame answer, message; } Kind;
typedef struct { int fd; bool open, stuck; } Connection;

static Kind kinds[LONGEST];
static Connection **members;
static size_t member_count, member_room;
static char response[256], in[READ_BYTES], out[WRITE_BYTES];
static int response_size;

static Frame framed(const char *text) {
    size_t size = strlen(text), head = size < 126 ? 2 : 4;
    const char *id = strchr(text, '#');
    Frame frame = {malloc(size + head), size + head, id ? (int)(id - text + (long)head) : 0};
    frame.data[0] = (char)0x81;
    frame.data[1] = (char)(size < 126 ? size : 126);
    if (head == 4) {
        frame.data[2] = (char)(size >> 8);
        frame.data[3] = (char)size;
    }
    memcpy(frame.data + head, text, size);
    return frame;
}

static void give(Connection *connection, const char *data, size_t size) {
    /* What does not fit is not kept: the rest of the frame is lost, and so is the connection. */
    if (!connection->stuck && send(connection->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) connection->stuck = true;
}

static void leave(Connection *connection) {
    for (size_t i = 0; i < member_count; i++)
        if (members[i] == connection) members[i--] = members[--member_count];
    close(connection->fd);
    free(connection);
}

static void join(Connection *connection) {
    if (member_count == member_room) {
        member_room = member_room ? 2 * member_room : 1024;
        members = realloc(members, member_room * sizeof *members);
    }
    members[member_count++] = connection;
}

static bool readable(Connection *connection) {
    ssize_t got = read(connection->fd, in, READ_BYTES);
    if (got <= 0) return false;
    if (!connection->open) {
        connection->open = true;
        give(connection, response, (size_t)response_size);
        return true;
    }
    size_t filled = 0;
    for (ssize_t position = 0; position + 6 <= got;) {
        unsigned char *head = (unsigned char *)in + position;
        size_t length = head[1] & 0x7F, key = 2;
        if (length == 126) {
            length = (size_t)head[2] << 8 | head[3];
            key = 4;
        }
        Kind *kind = &kinds[length & (LONGEST - 1)];
        if (head[0] != 0x81 || !kind->known || position + (ssize_t)(key + 4 + length) > got) return false;
        const unsigned char *id = head + key + 4 + kind->id_place;
        if (kind->joins) join(connection);
        for (size_t i = 0; kind->message.size && i < member_count; i++)
            give(members[i], kind->message.data, kind->message.size);
        if (filled + kind->answer.size > WRITE_BYTES) return false;
        memcpy(out + filled, kind->answer.data, kind->answer.size);
        out[filled + (size_t)kind->answer.id_place] = (char)(*id ^ head[key + (size_t)kind->id_place % 4]);
        filled += kind->answer.size;
        position += (ssize_t)(key + 4 + length);
    }
    give(connection, out, filled);
    return true;
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    response_size = snprintf(response, sizeof response,
                             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: %s\r\n\r\n", arguments[2]);
    for (int i = 3; i + 2 < count;) {
        const char *what = arguments[i], *request = arguments[i + 1], *id = strchr(request, '#');
        bool says = !strcmp(what, "say") && i + 3 < count;
        Kind kind = {true, !strcmp(what, "join"), id ? (int)(id - request) : 0, framed(arguments[i + 2]), {0}};
        if (says) kind.message = framed(arguments[i + 3]);
        kinds[strlen(request) & (LONGEST - 1)] = kind;
        i += says ? 4 : 3;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, epoll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 2048)) {
        perror("floor");
        return 1;
    }
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int happened = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < happened; i++) {
            Connection *connection = events[i].data.ptr;
            if (connection) {
                if (!readable(connection)) leave(connection);
                continue;
            }
            for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                connection = calloc(1, sizeof *connection);
                connection->fd = fd;
                event.data.ptr = connection;
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
            }
        }
    }
}
