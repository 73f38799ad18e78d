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

// As `filtered`, of `samples`. Launch: a grid of groups of channels times column blocks, strips of rows, samples; x-threads
// for channels, y-threads for columns.
extern "C" __global__ void filtered_last(
    const value *x, value *y, uint height, uint width, uint out_height, uint out_width, uint kind, uint before,
    double scale, const value *bias, const value *strength, const value *noise, const value *mask,
    uint channels, uint samples, uint groups, uint noise_stride, double slope
) {
    uint channel = (blockIdx.x % groups * blockDim.x + threadIdx.x) * CHANNELS;
    uint column = blockIdx.x / groups * blockDim.y + threadIdx.y, top = blockIdx.y * STRIP;
    if (channel >= channels || column >= out_width) return;
    uint count = channels - channel < CHANNELS ? channels - channel : CHANNELS;
    real across[4], down[4];
    border_taps(kind, column == 0, column + 1 == out_width, across);
    Several shift = {}, share = {};
    if (bias) shift = load_several(bias + channel, count);
    if (noise) share = load_several(strength + channel, count);
    for (uint sample = blockIdx.z; sample < samples; sample += gridDim.z) {
        // The last four rows of x, filtered along the row.
        Several rows[4] = {};
        for (uint r = 0; r < STRIP + 3; r++) {
#pragma unroll
            for (int k = 0; k < 3; k++) rows[k] = rows[k + 1];
            rows[3] = Several();
            int row = (int)(top + r) - (int)before;
            if (row >= 0 && row < (int)height) {
                const value *line = x + ((size_t)sample * height + row) * width * channels + channel;
#pragma unroll
                for (int c = 0; c < 4; c++) {
                    int from = (int)(column + c) - (int)before;
                    if (from < 0 || from >= (int)width || across[c] == 0) continue;
                    Several v = load_several(line + (size_t)from * channels, count);
#pragma unroll
                    for (int k = 0; k < CHANNELS; k++) rows[3].at[k] += v.at[k] * across[c];
                }
            }
            if (r < 3) continue;
            uint target = top + r - 3;
            if (target >= out_height) break;
            border_taps(kind, target == 0, target + 1 == out_height, down);
            uint pixel = target * out_width + column;
            size_t place = ((size_t)sample * out_height * out_width + pixel) * channels + channel;
            real n = noise ? (real)noise[sample * noise_stride + pixel] : (real)0;
            Several sign = {}, result;
            if (mask) sign = load_several(mask + place, count);
#pragma unroll
            for (int k = 0; k < CHANNELS; k++) {
                real sum = (rows[0].at[k] * down[0] + rows[3].at[k] * down[3])
                    + (rows[1].at[k] * down[1] + rows[2].at[k] * down[2]);
                sum *= (real)scale;
                if (bias) {
                    if (noise) sum += n * share.at[k];
                    sum += shift.at[k];
                    sum = sum >= 0 ? sum : sum * (real)slope;
                }
                if (mask) sum = sign.at[k] >= 0 ? sum : sum * (real)slope;
                result.at[k] = sum;
            }
            store_several(y + place, count, result);
        }
    }
}
