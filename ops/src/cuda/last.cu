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

// The values of a lane as they lie.
typedef Packed<CHANNELS> Raw;

// `count` neighbors as they lie, zeros behind them; 16 bytes at once if they are `IS_WHOLE`.
template <bool IS_WHOLE> static __device__ __forceinline__ Raw load_raw(const value *x, uint count) {
    if (IS_WHOLE) return *(const Raw *)x;
    Raw raw;
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) raw.at[k] = k < count ? x[k] : value(0);
    return raw;
}

static __device__ __forceinline__ Several several(const Raw &raw) {
    Several several;
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) several.at[k] = raw.at[k];
    return several;
}

// The same where it is not known beforehand how they lie.
static __device__ __forceinline__ Several load_several(const value *x, uint count) {
    bool is_whole = count == CHANNELS && ((size_t)x & 15) == 0;
    return several(is_whole ? load_raw<true>(x, count) : load_raw<false>(x, count));
}

template <bool IS_WHOLE>
static __device__ __forceinline__ void store_several(value *y, uint count, const Several &several) {
    Raw raw;
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) raw.at[k] = several.at[k];
    if (IS_WHOLE) {
        *(Raw *)y = raw;
    } else {
#pragma unroll
        for (int k = 0; k < CHANNELS; k++)
            if (k < count) y[k] = raw.at[k];
    }
}

// Whether each lane of features from here on has all of its neighbors, and they lie where 16 bytes are read at once.
static __device__ __forceinline__ bool is_whole(const value *x, uint channels) {
    return channels % CHANNELS == 0 && ((size_t)x & 15) == 0;
}

// Where pixel `pixel` of a lane lies in features.
static __device__ __forceinline__ size_t place_of(const Lane &l, uint channels, uint area, uint pixel) {
    return ((size_t)l.sample * area + pixel) * channels + l.channel;
}

// Pixels of which a thread reads the values before it works on the first of them: reading one after the other, it would wait
// most of its time. As many bytes as registers hold.
#define AHEAD (CHANNELS > 4 ? 2 : 4)

// Calls `work(place, pixel, values)` for each pixel of a lane in their order, with where it lies and its values in `from`.
template <bool IS_WHOLE, int N, typename Work>
static __device__ __forceinline__ void over_pixels(
    const Lane &l, uint channels, uint area, const value *const (&from)[N], const Work &work
) {
    const uint step = blockDim.y;
    uint pixel = l.start;
    for (; pixel + (AHEAD - 1) * step < l.end; pixel += AHEAD * step) {
        Raw raws[AHEAD][N];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
#pragma unroll
            for (int n = 0; n < N; n++)
                raws[i][n] = load_raw<IS_WHOLE>(from[n] + place_of(l, channels, area, pixel + i * step), l.count);
#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
            Several values[N];
#pragma unroll
            for (int n = 0; n < N; n++) values[n] = several(raws[i][n]);
            work(place_of(l, channels, area, pixel + i * step), pixel + i * step, values);
        }
    }
    for (; pixel < l.end; pixel += step) {
        size_t place = place_of(l, channels, area, pixel);
        Several values[N];
#pragma unroll
        for (int n = 0; n < N; n++) values[n] = several(load_raw<IS_WHOLE>(from[n] + place, l.count));
        work(place, pixel, values);
    }
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

template <bool IS_WHOLE>
static __device__ __forceinline__ void sums_of(
    const value *x, double *partials, uint channels, uint area, uint part, uint splits
) {
    Lane l = lane_of(channels, area, part, splits);
    Several sum = {};
    const value *const from[] = {x};
    over_pixels<IS_WHOLE>(l, channels, area, from, [&](size_t, uint, const Several (&v)[1]) {
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) sum.at[k] += v[0].at[k];
    });
    double sums[CHANNELS];
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) sums[k] = (double)sum.at[k];
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++)
        if (threadIdx.y == 0 && k < l.count) *partial_of(partials, l, splits, 1, k) = sums[k];
}

// As `plane_sums`.
extern "C" __global__ void sums_last(
    const value *x, double *partials, uint channels, uint area, uint part, uint splits
) {
    if (is_whole(x, channels)) sums_of<true>(x, partials, channels, area, part, splits);
    else sums_of<false>(x, partials, channels, area, part, splits);
}
