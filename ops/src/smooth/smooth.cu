// Filters along both axes of pictures, which count as zeros outside.
//
// A thread goes down four neighboring columns of a plane. What it needs of the columns beside them its neighbors in the
// warp have read, and rows that are read serve all rows of the result that are made of them. Rows of an odd number of
// values start anywhere between two places of four values: a thread then reads, or writes, the four values at the place
// where its own begin, and gets the rest from its neighbor, or gives it.

// Which four pixels a result at `position` of `len` is made of: they start `BEFORE` before it.
struct Taps {
    real at[4];
};

// A filter of four taps along one axis; `KIND` says which:
// 0 sums two neighbors (1, 1), from n pixels to n + 1 or n - 1; 1 blurs and then sums, to n + 1; 2 sums and then blurs,
// to n - 1: pixels outside are zeros before each step, so taps at borders differ. 3 blurs, n pixels to n.
template <int KIND> static __device__ __forceinline__ Taps taps_of(uint position, uint len) {
    bool is_first = position == 0, is_last = position + 1 == len;
    if (KIND == 0) return {{0, 1, 1, 0}};
    if (KIND == 3) return {{1, 2, 1, 0}};
    if (KIND == 1) {
        if (is_first) return {{0, 0, 2, 1}};
        if (is_last) return {{1, 2, 0, 0}};
        return {{1, 3, 3, 1}};
    }
    return {{is_first ? (real)0 : (real)1, is_first ? (real)2 : (real)3, is_last ? (real)2 : (real)3,
             is_last ? (real)0 : (real)1}};
}

// What `filtered` is told.
struct Filter {
    const value *x;
    value *y;
    uint height, width, out_height, out_width, rows;
    double scale;
    const value *bias, *strength, *noise, *mask;
    uint channels, planes, noise_stride;
    double slope;
};

// The four columns of a thread, and whether its neighbors in the warp have those beside them.
struct Columns {
    int first;
    bool has_left, has_right;
};

// How many values the last place of four values lies before this one.
static __device__ __forceinline__ int skew_of(const value *place) { return (size_t)place / sizeof(value) % 4; }

// The four values from number `skew` on, 0 to 3.
static __device__ __forceinline__ Four four_of(const real (&values)[7], int skew) {
    real nearer[5];
    for (int k = 0; k < 5; k++) nearer[k] = skew & 2 ? values[k + 2] : values[k];
    Four four;
    for (int k = 0; k < 4; k++) four.at[k] = skew & 1 ? nearer[k + 1] : nearer[k];
    return four;
}

// Columns `first` to `first` + 3 of a row, at once where they lie at a place of four values; zeros for those that are not
// there.
static __device__ __forceinline__ Four read_four(const value *row, int first, int width) {
    Four four;
    if (first >= 0 && first + 4 <= width && is_aligned(row + first)) {
        Packed<4> packed = *(const Packed<4> *)(row + first);
        for (int k = 0; k < 4; k++) four.at[k] = packed.at[k];
    } else {
        for (int k = 0; k < 4; k++)
            four.at[k] = first + k >= 0 && first + k < width ? (real)row[first + k] : (real)0;
    }
    return four;
}

static __device__ __forceinline__ real read_one(const value *row, int column, int width) {
    return column < width ? (real)row[column] : (real)0;
}

// A thread's columns of a row, those `BEFORE` before and 3 - `BEFORE` behind them, from the four that `read_four` gave for
// `skew` columns before. All threads of a warp call it; a row that is not there is null.
template <int BEFORE>
static __device__ __forceinline__ void widen(
    Four four, int skew, bool is_skewed, const value *row, Columns columns, int width, real (&window)[7]
) {
    const uint all = 0xffffffffu;
    int first = columns.first;
    if (is_skewed) {
        real values[7];
        for (int k = 0; k < 4; k++) values[k] = four.at[k];
        for (int k = 0; k < 3; k++) {
            values[4 + k] = __shfl_down_sync(all, four.at[k], 1);
            if (!columns.has_right) values[4 + k] = row && k < skew ? read_one(row, first - skew + 4 + k, width) : (real)0;
        }
        four = four_of(values, skew);
    }
    for (int k = 0; k < BEFORE; k++) {
        window[k] = __shfl_up_sync(all, four.at[4 - BEFORE + k], 1);
        if (!columns.has_left) window[k] = row && first > 0 ? read_one(row, first - BEFORE + k, width) : (real)0;
    }
    for (int k = 0; k < 4; k++) window[BEFORE + k] = four.at[k];
    for (int k = 0; k < 3 - BEFORE; k++) {
        window[BEFORE + 4 + k] = __shfl_down_sync(all, four.at[k], 1);
        if (!columns.has_right) window[BEFORE + 4 + k] = row ? read_one(row, first + 4 + k, width) : (real)0;
    }
}

// Writes to a place of four values. By assignment, compilers write the values one by one where branches do so as well.
static __device__ __forceinline__ void write_packed(value *place, Packed<4> packed) {
    if (sizeof(packed) == 8) {
        __stwb((uint2 *)place, *(uint2 *)&packed);
    } else {
        for (int k = 0; k < sizeof(packed) / 16; k++) __stwb((uint4 *)place + k, ((uint4 *)&packed)[k]);
    }
}

// Writes a thread's columns of a row. All threads of a warp call it; a row that is not to be written is null.
static __device__ __forceinline__ void write_four(Four four, value *row, Columns columns, int width) {
    int skew = row ? skew_of(row + columns.first) : 0;
    // With those before them that lie at the same place.
    real values[7];
    for (int k = 0; k < 3; k++) values[k] = __shfl_up_sync(0xffffffffu, four.at[1 + k], 1);
    for (int k = 0; k < 4; k++) values[3 + k] = four.at[k];
    Four moved = four_of(values, 3 - skew);
    if (!row) return;
    int first = columns.first - skew;
    if ((columns.has_left || skew == 0) && first + 4 <= width) {
        Packed<4> packed;
        for (int k = 0; k < 4; k++) packed.at[k] = moved.at[k];
        write_packed(row + first, packed);
    } else {
        for (int k = 0; k < 4; k++)
            if ((columns.has_left || k >= skew) && first + k < width) row[first + k] = moved.at[k];
    }
    if (!columns.has_right)
        for (int k = 1; k < 4; k++)
            if (k >= 4 - skew && columns.first + k < width) row[columns.first + k] = four.at[k];
}

template <int KIND, int BEFORE> static __device__ __forceinline__ void filter(const Filter &f) {
    int height = f.height, width = f.width;
    uint groups = (f.out_width + 3) / 4, strips = (f.out_height + f.rows - 1) / f.rows;
    uint index = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
    uint group = index % groups, strip = index / groups % strips, plane = index / groups / strips;
    bool is_there = plane < f.planes;
    Columns columns = {(int)(4 * group), lane > 0 && group > 0, lane < 31 && group + 1 < groups};
    int top = strip * f.rows, bottom = top + f.rows < f.out_height ? top + f.rows : f.out_height;
    uint channel = plane % f.channels, sample = plane / f.channels;
    bool is_skewed = width % 4 != 0 || skew_of(f.x) != 0;
    const value *source = f.x + (size_t)plane * height * width;
    size_t target = (size_t)plane * f.out_height * f.out_width;
    Taps across[4];
    for (int k = 0; k < 4; k++) across[k] = taps_of<KIND>(columns.first + k, f.out_width);
    // The last four rows of x, filtered along the row.
    real rows[4][4] = {};
    for (int start = 0; start < (int)f.rows + 3; start += 4) {
        // All four are on their way before the first of them is needed.
        Four read[4];
        const value *from[4];
        int skew[4];
#pragma unroll
        for (int r = 0; r < 4; r++) {
            int row = top + start + r - BEFORE;
            from[r] = is_there && row >= 0 && row < height ? source + (size_t)row * width : 0;
            skew[r] = from[r] && is_skewed ? skew_of(from[r] + columns.first) : 0;
            read[r] = {};
            if (from[r]) read[r] = read_four(from[r], columns.first - skew[r], width);
        }
#pragma unroll
        for (int r = 0; r < 4; r++) {
            real window[7];
            widen<BEFORE>(read[r], skew[r], is_skewed, from[r], columns, width, window);
            for (int k = 0; k < 4; k++) {
                real sum = 0;
                for (int c = 0; c < (KIND == 3 ? 3 : 4); c++) sum += window[k + c] * across[k].at[c];
                rows[r][k] = sum;
            }
            if (start + r < 3) continue;
            int row = top + start + r - 3;
            bool is_written = is_there && row < bottom;
            Taps down = taps_of<KIND>(row, f.out_height);
            Four four;
            for (int k = 0; k < 4; k++) {
                real sum = (rows[(r + 1) % 4][k] * down.at[0] + rows[r][k] * down.at[3])
                    + (rows[(r + 2) % 4][k] * down.at[1] + rows[(r + 3) % 4][k] * down.at[2]);
                four.at[k] = sum * (real)f.scale;
            }
            size_t place = (size_t)row * f.out_width;
            if (is_written && f.bias) {
                Four noise = {};
                real strength = 0, bias = f.bias[channel];
                if (f.noise) {
                    noise = read_four(f.noise + (size_t)sample * f.noise_stride + place, columns.first, f.out_width);
                    strength = f.strength[channel];
                }
                for (int k = 0; k < 4; k++) {
                    real sum = four.at[k];
                    if (f.noise) sum += noise.at[k] * strength;
                    sum += bias;
                    four.at[k] = sum >= 0 ? sum : sum * (real)f.slope;
                }
            }
            if (is_written && f.mask) {
                Four mask = read_four(f.mask + target + place, columns.first, f.out_width);
                for (int k = 0; k < 4; k++) four.at[k] = mask.at[k] >= 0 ? four.at[k] : four.at[k] * (real)f.slope;
            }
            write_four(four, is_written ? f.y + target + place : 0, columns, f.out_width);
        }
    }
}

// y = scale * (x filtered along both axes), and what follows it; a result's taps start `before` pixels before it.
// - With bias: leaky_relu(y + noise * strength + bias) as in `activate`.
// - With mask: y where mask >= 0, else slope * y.
// Launch: a thread for four columns of `rows` rows of a plane.
extern "C" __launch_bounds__(256, 2) __global__ void filtered(
    const value *__restrict__ x, value *__restrict__ y, uint height, uint width, uint out_height, uint out_width, uint kind,
    uint before, uint rows, double scale, const value *__restrict__ bias, const value *__restrict__ strength,
    const value *__restrict__ noise, const value *__restrict__ mask, uint channels, uint planes, uint noise_stride,
    double slope
) {
    Filter f = {x,     y,     height, width,    out_height, out_width,    rows, scale, bias, strength,
                noise, mask,  channels, planes, noise_stride, slope};
    if (kind == 0 && before == 2) filter<0, 2>(f);
    else if (kind == 0) filter<0, 1>(f);
    else if (kind == 1) filter<1, 2>(f);
    else if (kind == 2) filter<2, 1>(f);
    else filter<3, 1>(f);
}
