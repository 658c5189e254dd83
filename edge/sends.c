/* One call for the same bytes to many sockets: what a feed's fan-out spends outside the kernel, it spends between calls. */

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Sends `size` bytes to `count` sockets without waiting. Returns how many of them did not take all; `which` tells their
   places in `sockets`, `taken` how many bytes each took, none where there was an error, which the next write will meet. */
int send_to_all(const int *sockets, int count, const char *bytes, size_t size, int *which, size_t *taken)
{
    int incomplete = 0;
    for (int place = 0; place < count; place++) {
        ssize_t sent;
        do {
            sent = send(sockets[place], bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        if (sent != (ssize_t)size) {
            which[incomplete] = place;
            taken[incomplete] = sent < 0 ? 0 : (size_t)sent;
            incomplete++;
        }
    }
    return incomplete;
}
