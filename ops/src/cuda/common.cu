// What all kernels share. Tensors hold `value`s, kernels compute in `real`: double for double, float for float and
// for bfloat16. Both are defined before this file, or BFLOAT16 is.
//
// Values are contiguous; a plane is the `area` pixels of one channel of one sample, planes lie one behind the other.
// Indices have 32 bits: no tensor that a kernel sees has more than 2^31 values.

typedef unsigned int uint;

#ifdef BFLOAT16
// The upper half of a float; what is rounded goes to the nearest, ties to even.
struct value {
    unsigned short bits;

    __device__ __forceinline__ value() {}
    __device__ __forceinline__ value(float x) {
#if defined(__CUDACC_RTC__) && __CUDA_ARCH__ >= 800
        asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
        return;
#endif
        uint wide = __float_as_uint(x);
        bool is_nan = (wide & 0x7fffffff) > 0x7f800000;
        bits = (is_nan ? wide | 0x400000 : wide + 0x7fff + (wide >> 16 & 1)) >> 16;
    }
    __device__ __forceinline__ operator float() const { return __uint_as_float((uint)bits << 16); }
};
#endif

// `N` neighboring values, read and written at once.
template <int N> struct alignas(N * sizeof(value)) Packed {
    value at[N];
};

// Four neighboring values as they are computed with.
struct Four {
    real at[4];
};

static __device__ __forceinline__ bool is_aligned(const void *pointer) {
    return ((size_t)pointer & (sizeof(Packed<4>) - 1)) == 0;
}

// The values from `i`, a multiple of four, on; zeros from `end` on.
static __device__ __forceinline__ Four load(const value *x, uint i, uint end) {
    Four four;
    if (i + 4 <= end && is_aligned(x + i)) {
        Packed<4> packed = *(const Packed<4> *)(x + i);
        for (int k = 0; k < 4; k++) four.at[k] = packed.at[k];
    } else {
        for (int k = 0; k < 4; k++) four.at[k] = i + k < end ? (real)x[i + k] : (real)0;
    }
    return four;
}

static __device__ __forceinline__ void store(value *y, uint i, uint end, Four four) {
    if (i + 4 <= end && is_aligned(y + i)) {
        Packed<4> packed;
        for (int k = 0; k < 4; k++) packed.at[k] = four.at[k];
        *(Packed<4> *)(y + i) = packed;
    } else {
        for (int k = 0; k < 4; k++)
            if (i + k < end) y[i + k] = four.at[k];
    }
}

// Where the four values of this thread start in a launch of one thread for four values.
static __device__ __forceinline__ uint first_of_four() {
    return 4 * (blockIdx.x * blockDim.x + threadIdx.x);
}

// Sums of `N` values over all threads of a block of whole warps, known to all of them.
template <int N> static __device__ void block_sums(double (&values)[N]) {
    __shared__ double sums[32][N];
    for (int n = 0; n < N; n++)
        for (int offset = 16; offset > 0; offset /= 2)
            values[n] += __shfl_xor_sync(0xffffffffu, values[n], offset);
    __syncthreads();
    if (threadIdx.x % 32 == 0)
        for (int n = 0; n < N; n++) sums[threadIdx.x / 32][n] = values[n];
    __syncthreads();
    for (int n = 0; n < N; n++) {
        values[n] = 0;
        for (uint warp = 0; warp < blockDim.x / 32; warp++) values[n] += sums[warp][n];
    }
}

// The part of a plane that a block of a launch of planes times `splits` blocks works on.
struct Part {
    uint plane, split, start, end;
};

static __device__ __forceinline__ Part part_of(uint area, uint part, uint splits) {
    Part p;
    p.plane = blockIdx.x / splits;
    p.split = blockIdx.x % splits;
    p.start = p.split * part;
    p.end = p.start + part < area ? p.start + part : area;
    return p;
}

// a += b. Launch: a thread for four values.
extern "C" __global__ void add_to(value *a, const value *b, uint len) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(a, i, len), other = load(b, i, len);
    for (int k = 0; k < 4; k++) v.at[k] += other.at[k];
    store(a, i, len, v);
}

// Where tensors of the same size lie, and how many values each has.
struct Row {
    real *at[4];
    unsigned long long len;
};

// By value, so that nothing needs to be uploaded.
struct Table {
    Row rows[64];
};
