// Filters along both axes of pictures, which count as zeros outside.

// Rows of a result that one thread computes, so that what it reads serves several of them.
#define ROWS 4

// Which four pixels a result at `position` of `len` is made of: they start at `position - before`.
struct Taps {
    real at[4];
};

// A filter of four taps along one axis; `kind` says which:
// 0 sums two neighbors (1, 1), from n pixels to n + 1 or n - 1; 1 blurs and then sums, to n + 1; 2 sums and then blurs,
// to n - 1: pixels outside are zeros before each step, so taps at borders differ. 3 blurs, n pixels to n.
static __device__ __forceinline__ Taps taps_of(uint kind, uint position, uint len) {
    bool is_first = position == 0, is_last = position + 1 == len;
    if (kind == 0) return {{0, 1, 1, 0}};
    if (kind == 3) return {{1, 2, 1, 0}};
    if (kind == 1) {
        if (is_first) return {{0, 0, 2, 1}};
        if (is_last) return {{1, 2, 0, 0}};
        return {{1, 3, 3, 1}};
    }
    return {{is_first ? (real)0 : (real)1, is_first ? (real)2 : (real)3, is_last ? (real)2 : (real)3,
             is_last ? (real)0 : (real)1}};
}

// y = scale * (x filtered along both axes), and what follows it; a result's taps start `before` pixels before it.
// - With bias: leaky_relu(y + noise * strength + bias) as in `activate`.
// - With mask: y where mask >= 0, else slope * y.
// Launch: a grid of column blocks, blocks of ROWS rows, planes; x-threads for columns, y-threads for row blocks.
extern "C" __global__ void filtered(
    const value *x, value *y, uint height, uint width, uint out_height, uint out_width, uint kind, uint before,
    double scale, const value *bias, const value *strength, const value *noise, const value *mask,
    uint channels, uint planes, uint noise_stride, double slope
) {
    uint column = blockIdx.x * blockDim.x + threadIdx.x;
    uint top = (blockIdx.y * blockDim.y + threadIdx.y) * ROWS;
    if (column >= out_width || top >= out_height) return;
    Taps across = taps_of(kind, column, out_width);
    for (uint plane = blockIdx.z; plane < planes; plane += gridDim.z) {
        const value *source = x + (size_t)plane * height * width;
        // Rows of x, filtered along the row.
        real rows[ROWS + 3];
        for (int r = 0; r < ROWS + 3; r++) {
            rows[r] = 0;
            int row = (int)(top + r) - (int)before;
            if (row < 0 || row >= (int)height) continue;
            for (int c = 0; c < 4; c++) {
                int from = (int)(column + c) - (int)before;
                if (from >= 0 && from < (int)width) rows[r] += source[(uint)row * width + from] * across.at[c];
            }
        }
        uint channel = plane % channels;
        for (uint r = 0; r < ROWS && top + r < out_height; r++) {
            Taps down = taps_of(kind, top + r, out_height);
            real sum = (rows[r] * down.at[0] + rows[r + 3] * down.at[3])
                + (rows[r + 1] * down.at[1] + rows[r + 2] * down.at[2]);
            sum *= (real)scale;
            uint pixel = (top + r) * out_width + column;
            size_t place = (size_t)plane * out_height * out_width + pixel;
            if (bias) {
                if (noise) sum += noise[plane / channels * noise_stride + pixel] * strength[channel];
                sum += bias[channel];
                sum = sum >= 0 ? sum : sum * (real)slope;
            }
            if (mask) sum = mask[place] >= 0 ? sum : sum * (real)slope;
            y[place] = sum;
        }
    }
}
