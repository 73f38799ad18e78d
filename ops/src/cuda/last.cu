// Features whose channels lie one behind the other, pixel after pixel.
//
// A thread works on a few neighboring channels, as many as 16 bytes hold, of some pixels of one sample: threads beside one
// another on neighboring channels, those above one another on neighboring pixels. A sample is cut into `splits` parts of
// `part` pixels. Launches: a block for each part of each sample by as many as there are groups of channels; blockDim.y is a
// power of two. Numbers of a part lie where those of a plane's part do.

#define CHANNELS (16 / (int)sizeof(value))

struct Lane {
    // The first channel, how many there are from it on, and the number of the first's plane.
    uint channel, count, plane;
    uint sample, split;
    // Pixels of this thread: from here, by as many as the block has rows, up to the end.
    uint start, end;
};

static __device__ __forceinline__ Lane lane_of(uint channels, uint area, uint part, uint splits) {
    Lane l;
    l.channel = (blockIdx.y * blockDim.x + threadIdx.x) * CHANNELS;
    l.count = l.channel >= channels ? 0 : channels - l.channel < CHANNELS ? channels - l.channel : CHANNELS;
    l.sample = blockIdx.x / splits;
    l.split = blockIdx.x % splits;
    l.plane = l.sample * channels + l.channel;
    l.start = l.split * part + threadIdx.y;
    l.end = l.split * part + part < area ? l.split * part + part : area;
    if (l.count == 0) l.start = l.end;
    return l;
}

// The values of a lane as they are computed with.
struct Several {
    real at[CHANNELS];
};

// 16 bytes at once where they lie so.
template <typename T> static __device__ __forceinline__ bool is_whole(const T *pointer, uint count) {
    return count == CHANNELS && ((size_t)pointer & 15) == 0;
}

// `count` neighbors, zeros behind them.
static __device__ __forceinline__ Several load_several(const value *x, uint count) {
    Several several;
    if (is_whole(x, count)) {
        Packed<CHANNELS> packed = *(const Packed<CHANNELS> *)x;
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) several.at[k] = packed.at[k];
    } else {
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) several.at[k] = k < count ? (real)x[k] : (real)0;
    }
    return several;
}

static __device__ __forceinline__ void store_several(value *y, uint count, const Several &several) {
    if (is_whole(y, count)) {
        Packed<CHANNELS> packed;
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) packed.at[k] = several.at[k];
        *(Packed<CHANNELS> *)y = packed;
    } else {
#pragma unroll
        for (int k = 0; k < CHANNELS; k++)
            if (k < count) y[k] = several.at[k];
    }
}

// Where pixel `pixel` of a lane lies in features.
static __device__ __forceinline__ size_t place_of(const Lane &l, uint channels, uint area, uint pixel) {
    return ((size_t)l.sample * area + pixel) * channels + l.channel;
}

// The sums over all rows of a block, known to all of them.
static __device__ void sum_rows(double (&values)[CHANNELS]) {
    __shared__ double sums[256 * CHANNELS];
    double *own = sums + (threadIdx.y * blockDim.x + threadIdx.x) * CHANNELS;
    __syncthreads();
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) own[k] = values[k];
    __syncthreads();
    for (uint half = blockDim.y / 2; half > 0; half /= 2) {
        if (threadIdx.y < half)
#pragma unroll
            for (int k = 0; k < CHANNELS; k++) own[k] += own[half * blockDim.x * CHANNELS + k];
        __syncthreads();
    }
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) values[k] = sums[threadIdx.x * CHANNELS + k];
}

// Where the `numbers` of a lane's part and channel `k` lie.
static __device__ __forceinline__ double *partial_of(double *partials, const Lane &l, uint splits, int numbers, int k) {
    return partials + ((size_t)(l.plane + k) * splits + l.split) * numbers;
}

// As `plane_sums`.
extern "C" __global__ void sums_last(
    const value *x, double *partials, uint channels, uint area, uint part, uint splits
) {
    Lane l = lane_of(channels, area, part, splits);
    Several sum = {};
    for (uint pixel = l.start; pixel < l.end; pixel += blockDim.y) {
        Several v = load_several(x + place_of(l, channels, area, pixel), l.count);
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) sum.at[k] += v.at[k];
    }
    double sums[CHANNELS];
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) sums[k] = (double)sum.at[k];
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++)
        if (threadIdx.y == 0 && k < l.count) *partial_of(partials, l, splits, 1, k) = sums[k];
}
