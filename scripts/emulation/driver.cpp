// As much of CUDA's driver as the project and its libraries use, on this machine's memory. All work is done when it is
// asked for.

#include "gpu.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

typedef int CUresult;
typedef unsigned long long CUdeviceptr;
enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101, INVALID_IMAGE = 200, NOT_FOUND = 500, NOT_IN_CAPTURE = 900 };

#define API extern "C" __attribute__((visibility("default")))
static const size_t TOTAL = 8ull << 30, ALIGNMENT = 256, GUARD = 256;
static int device_context;

// Memory, each block with what nobody may write behind it.
static std::mutex mutex;
static std::map<CUdeviceptr, size_t> blocks;
static size_t used;
// Of the pool, which is what streams take memory from.
static size_t pooled, most;

static CUresult allocate(CUdeviceptr *address, size_t bytes) {
    std::lock_guard<std::mutex> guard(mutex);
    if (bytes == 0) return INVALID_VALUE;
    if (used + bytes > TOTAL) return OUT_OF_MEMORY;
    size_t room = (bytes + GUARD + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    char *memory = (char *)aligned_alloc(ALIGNMENT, room);
    if (!memory) return OUT_OF_MEMORY;
    // No number, so that what is not written is found.
    memset(memory, 0xff, bytes);
    memset(memory + bytes, 0xa5, room - bytes);
    *address = (CUdeviceptr)memory;
    blocks[*address] = bytes;
    used += bytes;
    return SUCCESS;
}

static CUresult release(CUdeviceptr address) {
    std::lock_guard<std::mutex> guard(mutex);
    auto block = blocks.find(address);
    if (block == blocks.end()) return INVALID_VALUE;
    char *end = (char *)address + block->second;
    for (size_t i = 0; i < GUARD; i++)
        if ((unsigned char)end[i] != 0xa5) {
            fprintf(stderr, "emulated GPU: %zu bytes were written beyond their end\n", block->second);
            abort();
        }
    used -= block->second;
    blocks.erase(block);
    free((void *)address);
    return SUCCESS;
}

// What was asked for while a stream was captured, and the memory that this takes: there for as long as the graph is.
struct Graph {
    std::vector<std::function<void()>> works;
    std::set<CUdeviceptr> memory, freed;

    ~Graph() {
        for (CUdeviceptr address : memory) release(address);
    }
};
static Graph *captured;

bool is_captured() { return captured; }
void ask(std::function<void()> work) {
    if (captured) captured->works.push_back(work);
    else work();
}

API CUresult cuStreamBeginCapture_v2(void *, int) {
    if (captured) return NOT_IN_CAPTURE;
    captured = new Graph();
    return SUCCESS;
}
API CUresult cuStreamEndCapture(void *, Graph **graph) {
    *graph = captured;
    captured = nullptr;
    return *graph ? SUCCESS : INVALID_VALUE;
}
API CUresult cuStreamIsCapturing(void *, int *status) { *status = captured != nullptr; return SUCCESS; }
API CUresult cuGraphInstantiateWithFlags(Graph **made, Graph *graph, unsigned long long) {
    *made = graph;
    // Memory that a graph does not give back could not be taken by it once more.
    return graph->memory == graph->freed ? SUCCESS : INVALID_VALUE;
}
API CUresult cuGraphLaunch(Graph *graph, void *) {
    count("graph");
    for (auto &work : graph->works) work();
    return SUCCESS;
}
API CUresult cuGraphExecDestroy(Graph *) { return SUCCESS; }
API CUresult cuGraphDestroy(Graph *graph) { delete graph; return SUCCESS; }
API CUresult cuDeviceGraphMemTrim(int) { return SUCCESS; }
API CUresult cuDeviceGetGraphMemAttribute(int, int, void *value) { *(uint64_t *)value = 0; return SUCCESS; }
API CUresult cuDeviceSetGraphMemAttribute(int, int, void *) { return SUCCESS; }

API CUresult cuInit(unsigned) { return SUCCESS; }
API CUresult cuDriverGetVersion(int *version) { *version = 13000; return SUCCESS; }
API CUresult cuGetErrorName(CUresult, const char **name) { *name = "an error of the emulated GPU"; return SUCCESS; }
API CUresult cuGetErrorString(CUresult error, const char **text) {
    *text = error == OUT_OF_MEMORY ? "out of memory" : error == NOT_FOUND ? "named symbol not found" : "error";
    return SUCCESS;
}
API CUresult cuDeviceGetCount(int *count) { *count = 1; return SUCCESS; }
API CUresult cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal == 0 ? SUCCESS : INVALID_DEVICE; }
API CUresult cuDeviceGetName(char *name, int len, int) { snprintf(name, len, "emulated GPU"); return SUCCESS; }
API CUresult cuDeviceTotalMem_v2(size_t *bytes, int) { *bytes = TOTAL; return SUCCESS; }
API CUresult cuDeviceGetUuid_v2(char *uuid, int) { memset(uuid, 1, 16); return SUCCESS; }
API CUresult cuDeviceGetAttribute(int *value, int attribute, int) {
    // The compute capability, pools of memory, and threads of a block; what else is asked for is there once.
    *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 1 ? 1024 : 1;
    return SUCCESS;
}
API CUresult cuDevicePrimaryCtxRetain(void **context, int) { *context = &device_context; return SUCCESS; }
API CUresult cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
API CUresult cuCtxSetCurrent(void *) { return SUCCESS; }
API CUresult cuCtxGetCurrent(void **context) { *context = &device_context; return SUCCESS; }
API CUresult cuCtxSynchronize() { return captured ? NOT_IN_CAPTURE : SUCCESS; }

API CUresult cuStreamCreate(void **stream, unsigned) { *stream = malloc(1); return SUCCESS; }
API CUresult cuStreamDestroy_v2(void *stream) { free(stream); return SUCCESS; }
API CUresult cuStreamSynchronize(void *) { return captured ? NOT_IN_CAPTURE : SUCCESS; }
API CUresult cuStreamWaitEvent(void *, void *, unsigned) { return SUCCESS; }
API CUresult cuEventCreate(void **event, unsigned) { *event = malloc(1); return SUCCESS; }
API CUresult cuEventDestroy_v2(void *event) { free(event); return SUCCESS; }
API CUresult cuEventRecord(void *, void *) { return SUCCESS; }
API CUresult cuEventQuery(void *) { return SUCCESS; }
API CUresult cuEventSynchronize(void *) { return SUCCESS; }
API CUresult cuEventElapsedTime_v2(float *ms, void *, void *) { *ms = 1; return SUCCESS; }

API CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) { return allocate(address, bytes); }
API CUresult cuMemAllocAsync(CUdeviceptr *address, size_t bytes, void *) {
    count("allocation");
    CUresult result = allocate(address, bytes);
    if (result != SUCCESS) return result;
    if (captured) {
        captured->memory.insert(*address);
    } else {
        pooled += bytes;
        most = pooled > most ? pooled : most;
    }
    return SUCCESS;
}
API CUresult cuMemFree_v2(CUdeviceptr address) { return release(address); }
API CUresult cuMemFreeAsync(CUdeviceptr address, void *) {
    if (!captured) {
        auto block = blocks.find(address);
        if (block != blocks.end()) pooled -= block->second;
        return release(address);
    }
    bool is_known = captured->memory.count(address) && captured->freed.insert(address).second;
    return is_known ? SUCCESS : INVALID_VALUE;
}
API CUresult cuMemHostAlloc(void **memory, size_t bytes, unsigned) { *memory = malloc(bytes); return SUCCESS; }
API CUresult cuMemFreeHost(void *memory) { free(memory); return SUCCESS; }
API CUresult cuMemGetInfo_v2(size_t *free, size_t *total) { *free = TOTAL - used; *total = TOTAL; return SUCCESS; }
API CUresult cuDeviceGetDefaultMemPool(void **pool, int) { *pool = &device_context; return SUCCESS; }
API CUresult cuMemPoolTrimTo(void *, size_t) { return SUCCESS; }
API CUresult cuMemPoolSetAttribute(void *, int attribute, void *) {
    if (attribute == 6 || attribute == 8) most = pooled;
    return SUCCESS;
}
API CUresult cuMemPoolGetAttribute(void *, int attribute, void *value) {
    // What is reserved and used, each now and at most.
    *(uint64_t *)value = attribute == 5 || attribute == 7 ? pooled : attribute == 6 || attribute == 8 ? most : 0;
    return SUCCESS;
}

// Between this machine and the GPU: at once, or not at all.
static CUresult exchange(void *to, const void *from, size_t bytes, const char *what) {
    if (captured) return NOT_IN_CAPTURE;
    count(what);
    memcpy(to, from, bytes);
    return SUCCESS;
}
static CUresult copy(void *to, const void *from, size_t bytes) {
    count("copy");
    ask([=] { memcpy(to, from, bytes); });
    return SUCCESS;
}
static CUresult fill(void *to, unsigned char value, size_t bytes) {
    count("fill");
    ask([=] { memset(to, value, bytes); });
    return SUCCESS;
}
API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, void *) { return exchange((void *)to, from, bytes, "copy to GPU"); }
API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) { return exchange((void *)to, from, bytes, "copy to GPU"); }
API CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, void *) { return exchange(to, (void *)from, bytes, "copy from GPU"); }
API CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) { return exchange(to, (void *)from, bytes, "copy from GPU"); }
API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, void *) { return copy((void *)to, (void *)from, bytes); }
API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) { return copy((void *)to, (void *)from, bytes); }
API CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, void *) { return fill((void *)to, value, bytes); }
API CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t bytes) { return fill((void *)to, value, bytes); }

// Kernels: those that `nvrtc.cpp` has compiled, or those of candle, of which only the source can be run.
struct Function {
    std::string name;
    void (*kernel)(void **);
    void (*launch)(void (*)(void **), const unsigned *, const unsigned *, void **);
    const size_t *sizes;
};

static std::string text_of(const std::string &path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

static std::string library_of(const std::string &image) {
    std::string ours = "// emulated: ";
    if (image.compare(0, ours.size(), ours) == 0)
        return image.substr(ours.size(), image.find('\n') - ours.size());
    std::string names = exports(image, ".entry ");
    for (const char *stem : {"affine", "binary", "cast", "fill", "indexing", "reduce", "ternary", "unary"}) {
        std::string path = std::string(getenv("EMULATED_GPU_CANDLE")) + "/" + stem + ".cu";
        // Its source names the first kernel.
        std::string first = names.substr(0, names.find(')')).substr(names.find('(') + 1);
        if (text_of(path).find(first) == std::string::npos) continue;
        std::string log, source = "#include \"emulation.h\"\n#include \"" + path + "\"\n" + names;
        std::string library = compiled(source, log);
        if (library.empty()) fprintf(stderr, "emulated GPU: %s\n%.4000s\n", path.c_str(), log.c_str());
        return library;
    }
    return "";
}

API CUresult cuModuleLoadData(void **module, const void *image) {
    std::string library = library_of((const char *)image);
    if (library.empty()) return INVALID_IMAGE;
    *module = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!*module) fprintf(stderr, "emulated GPU: %s\n", dlerror());
    return *module ? SUCCESS : INVALID_IMAGE;
}
API CUresult cuModuleUnload(void *) { return SUCCESS; }
API CUresult cuModuleGetFunction(void **function, void *module, const char *name) {
    void *kernel = dlsym(module, (std::string("emulated_") + name).c_str());
    if (!kernel) return NOT_FOUND;
    auto launch = (decltype(Function::launch))dlsym(module, "emulated_launch");
    auto sizes = (const size_t *(*)())dlsym(module, (std::string("emulated_sizes_") + name).c_str());
    *function = new Function{name, (void (*)(void **))kernel, launch, sizes()};
    return SUCCESS;
}
API CUresult cuFuncGetAttribute(int *value, int, void *) { *value = 1024; return SUCCESS; }
API CUresult cuFuncSetAttribute(void *, int, int) { return SUCCESS; }

API CUresult cuLaunchKernel(
    void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned, void *,
    void **arguments, void **
) {
    if (gx == 0 || gy == 0 || gz == 0 || gy > 65535 || gz > 65535 || bx * by * bz > 1024 || bz > 64) return INVALID_VALUE;
    Function *f = (Function *)function;
    count("kernel " + f->name);
    struct alignas(16) Argument {
        char bytes[64];
    };
    // What a kernel is told is kept: it may be gone when what was captured is done.
    std::vector<std::vector<Argument>> kept;
    for (size_t i = 0; f->sizes[i]; i++) {
        kept.emplace_back((f->sizes[i] + sizeof(Argument) - 1) / sizeof(Argument));
        memcpy(kept.back().data(), arguments[i], f->sizes[i]);
    }
    ask([=]() mutable {
        static std::mutex one_at_a_time;
        std::lock_guard<std::mutex> guard(one_at_a_time);
        unsigned grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
        std::vector<void *> values;
        for (auto &argument : kept) values.push_back(argument.data());
        f->launch(f->kernel, grid, block, values.data());
    });
    return SUCCESS;
}
