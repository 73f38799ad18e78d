// What follows a convolution. Launch: a thread for four values.

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
