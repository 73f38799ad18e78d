// One value from one value of each argument. Launches: a thread for four values, unless said otherwise.

// y = x where x >= 0, else slope * x
extern "C" __global__ void leaky_relu(const value *x, value *y, uint len, double slope) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(x, i, len);
    for (int k = 0; k < 4; k++) v.at[k] = v.at[k] >= 0 ? v.at[k] : v.at[k] * (real)slope;
    store(y, i, len, v);
}

// dx = g where y >= 0, else slope * g
extern "C" __global__ void masked(const value *g, const value *y, value *dx, uint len, double slope) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(g, i, len), sign = load(y, i, len);
    for (int k = 0; k < 4; k++) v.at[k] = sign.at[k] >= 0 ? v.at[k] : v.at[k] * (real)slope;
    store(dx, i, len, v);
}

// y = leaky_relu(x + noise * strength + bias), with strength and bias of the channel, and noise of the sample's pixel:
// null for none; samples are `noise_stride` values of noise apart.
extern "C" __global__ void activate(
    const value *x, const value *bias, const value *strength, const value *noise, value *y,
    uint len, uint channels, uint area, uint noise_stride, double slope
) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(x, i, len);
    uint plane = i / area, pixel = i % area;
    for (int k = 0; k < 4 && i + k < len; k++) {
        uint channel = plane % channels;
        real sum = v.at[k];
        if (noise) sum += noise[plane / channels * noise_stride + pixel] * strength[channel];
        sum += bias[channel];
        v.at[k] = sum >= 0 ? sum : sum * (real)slope;
        if (++pixel == area) {
            pixel = 0;
            plane++;
        }
    }
    store(y, i, len, v);
}

// y = a + (b - a) * t
extern "C" __global__ void blend(const value *a, const value *b, value *y, uint len, double t) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(a, i, len), other = load(b, i, len);
    for (int k = 0; k < 4; k++) v.at[k] += (other.at[k] - v.at[k]) * (real)t;
    store(y, i, len, v);
}

// a += b
extern "C" __global__ void add_to(value *a, const value *b, uint len) {
    uint i = first_of_four();
    if (i >= len) return;
    Four v = load(a, i, len), other = load(b, i, len);
    for (int k = 0; k < 4; k++) v.at[k] += other.at[k];
    store(a, i, len, v);
}

// [ins, outs, taps] of [outs, ins, taps], the taps in reverse. Launch: a thread for each value.
extern "C" __global__ void turned(const value *weight, value *y, uint outs, uint ins, uint taps) {
    uint i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= outs * ins * taps) return;
    uint tap = i % taps, out = i / taps % outs, in = i / taps / outs;
    y[i] = weight[(out * ins + in) * taps + taps - 1 - tap];
}
