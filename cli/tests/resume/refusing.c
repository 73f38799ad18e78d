/* File systems that refuse what they do not know, put before the C library's by LD_PRELOAD.
 *
 * REFUSE_SYNC, REFUSE_LOCK: the number of the error that fsync of a folder and flock give.
 * READ_ONLY: the start of the paths below which nothing can be opened for writing.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int refused(const char *variable) {
    const char *number = getenv(variable);
    if (!number) return 0;
    errno = atoi(number);
    return 1;
}

int fsync(int file) {
    struct stat found;
    if (fstat(file, &found) == 0 && S_ISDIR(found.st_mode) && refused("REFUSE_SYNC")) return -1;
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int flock(int file, int operation) {
    if (refused("REFUSE_LOCK")) return -1;
    return ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(file, operation);
}

int open64(const char *path, int flags, ...) {
    const char *start = getenv("READ_ONLY");
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (start && strncmp(path, start, strlen(start)) == 0 && (flags & O_ACCMODE) != O_RDONLY) {
        errno = EROFS;
        return -1;
    }
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64"))(path, flags, mode);
}
