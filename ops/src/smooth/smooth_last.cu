// Filters along both axes of features whose channels lie one behind the other; `last.cu` says how a thread works on some
// channels, `smooth.cu` what the filters are.

// Rows of a result that one thread goes down, so that what it reads serves several of them.
#define STRIP 8

// The taps of filter `kind`, 0 to 2, at a position that may be the first or the last one.
static __device__ __forceinline__ void border_taps(uint kind, bool is_first, bool is_last, real (&taps)[4]) {
    bool is_blurred = kind != 0, ends_early = kind == 1;
    taps[0] = taps[3] = is_blurred ? 1 : 0;
    taps[1] = taps[2] = is_blurred ? 3 : 1;
    if (!is_blurred) return;
    // Growing, a border takes nothing from beyond it; shrinking, less from what is blurred there.
    if (is_first) taps[0] = 0, taps[1] = ends_early ? 0 : 2;
    if (is_last) taps[3] = 0, taps[2] = ends_early ? 0 : 2;
    if (is_first && ends_early) taps[2] = 2;
    if (is_last && ends_early) taps[1] = 2;
}

// What `filtered_last` is told.
struct FilterLast {
    uint height, width, out_height, out_width, kind, before;
    double scale;
    const value *bias, *strength, *noise, *mask;
    uint channels, samples, groups, noise_stride;
    double slope;
};

template <bool IS_WHOLE>
static __device__ __forceinline__ void filter_last(const value *x, value *y, const FilterLast &f) {
    uint channel = (blockIdx.x % f.groups * blockDim.x + threadIdx.x) * CHANNELS;
    uint column = blockIdx.x / f.groups * blockDim.y + threadIdx.y, top = blockIdx.y * STRIP;
    if (channel >= f.channels || column >= f.out_width) return;
    uint count = f.channels - channel < CHANNELS ? f.channels - channel : CHANNELS;
    real across[4], down[4];
    border_taps(f.kind, column == 0, column + 1 == f.out_width, across);
    // Where a row's four pixels lie. All are read without a question, so that none waits for another: in the place of those beyond
    // the border others, which count for nothing.
    uint from[4];
    bool is_there[4];
#pragma unroll
    for (int c = 0; c < 4; c++) {
        int at = (int)(column + c) - (int)f.before;
        is_there[c] = at >= 0 && at < (int)f.width && across[c] != 0;
        from[c] = is_there[c] ? at : column < f.width ? column : f.width - 1;
    }
    Several shift = {}, share = {};
    if (f.bias) shift = load_several(f.bias + channel, count);
    if (f.noise) share = load_several(f.strength + channel, count);
    for (uint sample = blockIdx.z; sample < f.samples; sample += gridDim.z) {
        // The last four rows of x, filtered along the row.
        Several rows[4] = {};
        for (uint r = 0; r < STRIP + 3; r++) {
#pragma unroll
            for (int k = 0; k < 3; k++) rows[k] = rows[k + 1];
            rows[3] = Several();
            int row = (int)(top + r) - (int)f.before;
            if (row >= 0 && row < (int)f.height) {
                const value *line = x + ((size_t)sample * f.height + row) * f.width * f.channels + channel;
                Raw raws[4];
#pragma unroll
                for (int c = 0; c < 4; c++) raws[c] = load_raw<IS_WHOLE>(line + (size_t)from[c] * f.channels, count);
#pragma unroll
                for (int c = 0; c < 4; c++) {
                    Several v = several(raws[c]);
#pragma unroll
                    for (int k = 0; k < CHANNELS; k++) rows[3].at[k] += is_there[c] ? v.at[k] * across[c] : (real)0;
                }
            }
            if (r < 3) continue;
            uint target = top + r - 3;
            if (target >= f.out_height) break;
            border_taps(f.kind, target == 0, target + 1 == f.out_height, down);
            uint pixel = target * f.out_width + column;
            size_t place = ((size_t)sample * f.out_height * f.out_width + pixel) * f.channels + channel;
            real n = f.noise ? (real)f.noise[sample * f.noise_stride + pixel] : (real)0;
            Several sign = {}, result;
            if (f.mask) sign = several(load_raw<IS_WHOLE>(f.mask + place, count));
#pragma unroll
            for (int k = 0; k < CHANNELS; k++) {
                real sum = (rows[0].at[k] * down[0] + rows[3].at[k] * down[3])
                    + (rows[1].at[k] * down[1] + rows[2].at[k] * down[2]);
                sum *= (real)f.scale;
                if (f.bias) {
                    if (f.noise) sum += n * share.at[k];
                    sum += shift.at[k];
                    sum = sum >= 0 ? sum : sum * (real)f.slope;
                }
                if (f.mask) sum = sign.at[k] >= 0 ? sum : sum * (real)f.slope;
                result.at[k] = sum;
            }
            store_several<IS_WHOLE>(y + place, count, result);
        }
    }
}

// As `filtered`, of `samples`. Launch: a grid of groups of channels times column blocks, strips of rows, samples; x-threads
// for channels, y-threads for columns.
extern "C" __global__ void filtered_last(
    const value *x, value *y, uint height, uint width, uint out_height, uint out_width, uint kind, uint before,
    double scale, const value *bias, const value *strength, const value *noise, const value *mask,
    uint channels, uint samples, uint groups, uint noise_stride, double slope
) {
    FilterLast f = {height, width, out_height, out_width, kind, before, scale, bias, strength, noise, mask,
                    channels, samples, groups, noise_stride, slope};
    if (is_whole(x, channels) && is_whole(y, channels) && is_whole(mask, channels)) filter_last<true>(x, y, f);
    else filter_last<false>(x, y, f);
}
