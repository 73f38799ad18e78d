// Writes down what a GPU does while a program runs. CUDA loads this library into the program, and CUPTI tells it of every
// kernel, copy and fill.
//
//     cc -O2 -shared -fPIC -o gpu-activity.so scripts/measure/gpu-activity.c
//     CUDA_INJECTION64_PATH=$PWD/gpu-activity.so GPU_ACTIVITY=FILE PROGRAM
//
// FILE gets three numbers of 64 bits for each: start and end in nanoseconds, and a hash of the name; FILE.names a line
// `hash name` for each name. `scripts/measure/gpu-activity` reads both. CUPTI comes with the toolkit and with PyTorch
// (`libcupti.so.13` or `.12`, to be found by the loader); its headers are not needed.

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// CUPTI's kinds of records.
enum { COPY = 1, FILL = 2, KERNEL = 10 };

// What its records begin with. A kernel's has its name at byte 104, from CUDA 9 to 13.
struct record {
    uint32_t kind;
    uint32_t particulars[3];
    uint64_t start, end;
};
enum { KERNEL_NAME = 104, BUFFER_BYTES = 256 << 10, FLUSH_MILLIS = 100, NAMES = 4096 };

typedef void (*request)(uint8_t **buffer, size_t *size, size_t *max_records);
typedef void (*complete)(void *context, uint32_t stream, uint8_t *buffer, size_t size, size_t used);

static int (*next_record)(uint8_t *buffer, size_t used, struct record **record);
static int (*flush_all)(uint32_t flag);
static FILE *records, *names;
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

// FNV-1a.
static uint64_t hash(const char *text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
    return hash;
}

// Writes a name down when it is first seen, or seen again after another has taken its place.
static uint64_t known(const char *name) {
    static uint64_t seen[NAMES];
    uint64_t id = hash(name);
    if (seen[id % NAMES] != id) {
        seen[id % NAMES] = id;
        fprintf(names, "%llu %s\n", (unsigned long long)id, name);
    }
    return id;
}

static void give_buffer(uint8_t **buffer, size_t *size, size_t *max_records) {
    *size = BUFFER_BYTES;
    *max_records = 0;
    if (posix_memalign((void **)buffer, 8, BUFFER_BYTES)) *buffer = NULL, *size = 0;
}

static void take_buffer(void *context, uint32_t stream, uint8_t *buffer, size_t size, size_t used) {
    (void)context, (void)stream, (void)size;
    pthread_mutex_lock(&writing);
    for (struct record *record = NULL; next_record(buffer, used, &record) == 0;) {
        const char *name = record->kind == COPY ? "copy" : "fill";
        if (record->kind == KERNEL) memcpy(&name, (char *)record + KERNEL_NAME, sizeof name);
        uint64_t line[3] = {record->start, record->end, known(name ? name : "unnamed")};
        fwrite(line, sizeof line, 1, records);
    }
    fflush(names);
    fflush(records);
    pthread_mutex_unlock(&writing);
    free(buffer);
}

static void finish(void) { flush_all(0); }

static int refuse(const char *why) {
    fprintf(stderr, "gpu-activity: %s\n", why);
    return 0;
}

// Called by CUDA when it is initialized; 1 is success.
__attribute__((visibility("default"))) int InitializeInjection(void) {
    const char *path = getenv("GPU_ACTIVITY");
    if (!path) return refuse("`GPU_ACTIVITY` does not say where to write");
    void *cupti = NULL;
    const char *libraries[] = {"libcupti.so.13", "libcupti.so.12", "libcupti.so"};
    for (int i = 0; i < 3 && !cupti; i++) cupti = dlopen(libraries[i], RTLD_NOW);
    if (!cupti) return refuse("`libcupti.so.13` cannot be opened");
    int (*enable)(int) = (int (*)(int))dlsym(cupti, "cuptiActivityEnable");
    int (*callbacks)(request, complete) = (int (*)(request, complete))dlsym(cupti, "cuptiActivityRegisterCallbacks");
    int (*flush_period)(uint32_t) = (int (*)(uint32_t))dlsym(cupti, "cuptiActivityFlushPeriod");
    next_record = (int (*)(uint8_t *, size_t, struct record **))dlsym(cupti, "cuptiActivityGetNextRecord");
    flush_all = (int (*)(uint32_t))dlsym(cupti, "cuptiActivityFlushAll");
    if (!enable || !callbacks || !flush_period || !next_record || !flush_all) return refuse("CUPTI is too old");

    char *names_path = malloc(strlen(path) + sizeof ".names");
    if (!names_path) return refuse("no memory is left");
    strcat(strcpy(names_path, path), ".names");
    records = fopen(path, "wb");
    names = fopen(names_path, "w");
    free(names_path);
    if (!records || !names) return refuse("the file of `GPU_ACTIVITY` cannot be written");
    if (callbacks(give_buffer, take_buffer) || enable(KERNEL) || enable(COPY) || enable(FILL))
        return refuse("CUPTI refuses to watch");
    flush_period(FLUSH_MILLIS);
    atexit(finish);
    return 1;
}
