// Doubling and halving pictures, and blending them.

// y = scale * x, each pixel four times. Launch: a thread for each pixel of x.
extern "C" __global__ void repeat2x(const value *x, value *y, uint len, uint width, double scale) {
    uint i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    Packed<2> pair;
    pair.at[0] = pair.at[1] = x[i] * (real)scale;
    uint column = i % width, row = i / width;
    Packed<2> *target = (Packed<2> *)y + (size_t)row * 2 * width + column;
    target[0] = pair;
    target[width] = pair;
}

// y = scale * (sum of 2x2 pixels of x). Launch: a thread for each pixel of y, whose rows have `width` pixels.
extern "C" __global__ void sum2x2(const value *x, value *y, uint len, uint width, double scale) {
    uint i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    uint column = i % width, row = i / width;
    const value *above = x + (size_t)row * 4 * width + 2 * column, *below = above + 2 * width;
    y[i] = ((above[0] + above[1]) + (below[0] + below[1])) * (real)scale;
}

// y = a + (b - a) * t. Launch: a thread for four values.
extern "C" __global__ void blend(const value *a, const value *b, value *y, uint len, double t) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(a, i, len), other = load(b, i, len);
    for (int k = 0; k < 4; k++) v.at[k] += (other.at[k] - v.at[k]) * (real)t;
    store(y, i, len, v);
}
