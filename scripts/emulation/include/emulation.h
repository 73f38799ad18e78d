// Kernels of CUDA as code for a CPU: what the language has beside C++, and how a grid of threads is run.
//
// Blocks run one after the other. A thread of a block runs until it ends or waits for others; then the next one does, on
// a stack of its own. So a kernel that never waits is a loop. Threads that wait where others never come end the program.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <tuple>
#include <type_traits>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __launch_bounds__(...)
// Blocks run one at a time.
#define __shared__ static
#define __CUDA_ARCH__ 800
#define __CUDACC_VER_MAJOR__ 13
#define __CUDACC_VER_MINOR__ 0
#define CUDART_INF_F std::numeric_limits<float>::infinity()
#define CUDART_INF std::numeric_limits<double>::infinity()

struct uint3 { unsigned x, y, z; };
typedef uint3 dim3;
struct alignas(8) float2 { float x, y; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(16) double2 { double x, y; };
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

static uint3 threadIdx, blockIdx, blockDim, gridDim;
static const int warpSize = 32;

namespace emulation {

enum class Wait { nothing, warp, block };

struct Thread {
    unsigned number;
    bool is_running;
    Wait wait;
    jmp_buf place;
    std::vector<char> stack;
};

static std::vector<Thread *> stacks;
static Thread *current;
static jmp_buf scheduler;
static unsigned started, threads;
static void (*kernel)(void **);
static void **arguments;
// What threads hand to others of their warp.
static char handed[1024][16];

static inline void enter(Thread *thread) {
    current = thread;
    unsigned n = thread->number;
    threadIdx = {n % blockDim.x, n / blockDim.x % blockDim.y, n / blockDim.x / blockDim.y};
}

// Runs threads that have not been started, until there are none.
static void work() {
    Thread *own = current;
    while (started < threads) {
        own->number = started++;
        enter(own);
        kernel(arguments);
    }
    own->is_running = false;
    _longjmp(scheduler, 1);
}

static inline void resume(Thread *thread) {
    if (_setjmp(scheduler)) return;
    enter(thread);
    thread->wait = Wait::nothing;
    if (thread->is_running) _longjmp(thread->place, 1);
    thread->is_running = true;
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = thread->stack.data();
    context.uc_stack.ss_size = thread->stack.size();
    context.uc_link = nullptr;
    makecontext(&context, work, 0);
    setcontext(&context);
}

static inline void wait(Wait what) {
    current->wait = what;
    if (_setjmp(current->place) == 0) _longjmp(scheduler, 1);
}

// Lets threads go on that all others of their warp, or else of the block, have come to wait with.
static bool release(std::vector<Thread *> &running) {
    bool any = false;
    for (Thread *thread : running) {
        if (thread->wait != Wait::warp) continue;
        auto is_missing = [&](Thread *other) {
            return other->number / 32 == thread->number / 32 && other->wait == Wait::block;
        };
        if (std::any_of(running.begin(), running.end(), is_missing)) continue;
        any = true;
    }
    if (any) return true;
    return std::all_of(running.begin(), running.end(), [](Thread *thread) { return thread->wait == Wait::block; });
}

static void run_block() {
    started = 0;
    std::vector<Thread *> running;
    size_t used = 0;
    while (started < threads) {
        if (used == stacks.size()) {
            stacks.push_back(new Thread());
            stacks.back()->stack.resize(1 << 16);
        }
        Thread *thread = stacks[used++];
        thread->is_running = false;
        resume(thread);
        if (thread->is_running) running.push_back(thread);
    }
    while (!running.empty()) {
        if (!release(running)) {
            fprintf(stderr, "emulated GPU: some threads of a block wait where others never come\n");
            abort();
        }
        bool is_warp = std::any_of(running.begin(), running.end(), [](Thread *t) { return t->wait == Wait::warp; });
        std::vector<Thread *> left;
        std::vector<bool> blocked(32, false);
        if (is_warp)
            for (Thread *thread : running)
                if (thread->wait == Wait::block) blocked[thread->number / 32] = true;
        for (Thread *thread : running) {
            if (!is_warp || (thread->wait == Wait::warp && !blocked[thread->number / 32])) resume(thread);
            if (thread->is_running) left.push_back(thread);
        }
        running.swap(left);
    }
}

template <typename... Parameters, size_t... I>
static void call(void (*function)(Parameters...), void **values, std::index_sequence<I...>) {
    function(*(std::remove_cv_t<Parameters> *)values[I]...);
}

template <typename... Parameters> static void call(void (*function)(Parameters...), void **values) {
    call(function, values, std::index_sequence_for<Parameters...>());
}

// How large each parameter is, and zero behind the last.
template <typename... Parameters> static const size_t *sizes(void (*)(Parameters...)) {
    static const size_t all[] = {sizeof(Parameters)..., 0};
    return all;
}

} // namespace emulation

extern "C" __attribute__((visibility("default"))) void emulated_launch(
    void (*kernel)(void **), const unsigned *blocks, const unsigned *block, void **arguments
) {
    gridDim = {blocks[0], blocks[1], blocks[2]};
    blockDim = {block[0], block[1], block[2]};
    emulation::kernel = kernel;
    emulation::arguments = arguments;
    emulation::threads = block[0] * block[1] * block[2];
    for (unsigned z = 0; z < gridDim.z; z++)
        for (unsigned y = 0; y < gridDim.y; y++)
            for (unsigned x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y, z};
                emulation::run_block();
            }
}

// What makes a kernel one that can be launched.
#define EMULATED(name)                                                                       \
    extern "C" __attribute__((visibility("default"))) void emulated_##name(void **values) { \
        emulation::call(name, values);                                                       \
    }                                                                                        \
    extern "C" __attribute__((visibility("default"))) const size_t *emulated_sizes_##name() { \
        return emulation::sizes(name);                                                       \
    }

static inline void __syncthreads() { emulation::wait(emulation::Wait::block); }
static inline void __syncwarp(unsigned = 0xffffffffu) { emulation::wait(emulation::Wait::warp); }

template <typename T> static T emulated_shuffle(T value, unsigned from) {
    static_assert(sizeof(T) <= 16);
    unsigned number = emulation::current->number;
    memcpy(emulation::handed[number], &value, sizeof(T));
    __syncwarp();
    T other = value;
    memcpy(&other, emulation::handed[from], sizeof(T));
    __syncwarp();
    return other;
}
static inline unsigned emulated_lane() { return emulation::current->number % 32; }
template <typename T> static T __shfl_xor_sync(unsigned, T value, int mask, int = 32) {
    return emulated_shuffle(value, emulation::current->number ^ mask);
}
template <typename T> static T __shfl_down_sync(unsigned, T value, unsigned by, int width = 32) {
    unsigned number = emulation::current->number;
    return emulated_shuffle(value, emulated_lane() % width + by < (unsigned)width ? number + by : number);
}
template <typename T> static T __shfl_up_sync(unsigned, T value, unsigned by, int width = 32) {
    unsigned number = emulation::current->number;
    return emulated_shuffle(value, emulated_lane() % width >= by ? number - by : number);
}
template <typename T> static T __shfl_sync(unsigned, T value, int lane, int width = 32) {
    unsigned number = emulation::current->number;
    return emulated_shuffle(value, number / width * width + lane % width);
}

template <typename T, typename S> static T atomicAdd(T *at, S value) {
    T old = *at;
    *at = old + (T)value;
    return old;
}
template <typename T> static T atomicCAS(T *at, T assumed, T value) {
    T old = *at;
    if (old == assumed) *at = value;
    return old;
}
template <typename T, typename S> static T atomicMax(T *at, S value) {
    T old = *at;
    if (old < (T)value) *at = (T)value;
    return old;
}
template <typename T, typename S> static T atomicMin(T *at, S value) {
    T old = *at;
    if ((T)value < old) *at = (T)value;
    return old;
}
template <typename T, typename S> static T atomicOr(T *at, S value) {
    T old = *at;
    *at |= value;
    return old;
}
static inline void __threadfence() {}
template <typename T> static T __ldg(const T *at) { return *at; }
template <typename T> static void __stwb(T *at, T value) { *at = value; }

template <typename To, typename From> static To emulated_bits(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    memcpy(&to, &from, sizeof(To));
    return to;
}
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline unsigned __float_as_uint(float x) { return emulated_bits<unsigned>(x); }
static inline float __uint_as_float(unsigned x) { return emulated_bits<float>(x); }
static inline int __float_as_int(float x) { return emulated_bits<int>(x); }
static inline float __int_as_float(int x) { return emulated_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return emulated_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return emulated_bits<double>(x); }

template <typename A, typename B> static std::common_type_t<A, B> min(A a, B b) { return b < a ? b : a; }
template <typename A, typename B> static std::common_type_t<A, B> max(A a, B b) { return a < b ? b : a; }
using std::isinf;
using std::isnan;
using std::signbit;
static inline double normcdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }
static inline float normcdff(float x) { return 0.5f * erfcf(-x * (float)M_SQRT1_2); }
static inline double rsqrt(double x) { return 1 / sqrt(x); }
static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
