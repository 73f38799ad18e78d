// Instance norm, and the gradients behind it, of channels that lie one behind the other; `last.cu` says how they are dealt
// out, `norm.cu` what the numbers are.

// As `moments`.
extern "C" __global__ void moments_last(
    const value *x, const value *g, double *partials, uint channels, uint area, uint part, uint splits
) {
    Lane l = lane_of(channels, area, part, splits);
    Several shift = {}, sum = {}, squares = {}, g_sum = {}, g_products = {};
    uint count = 0;
    if (l.start < l.end) shift = load_several(x + place_of(l, channels, area, l.start), l.count);
    for (uint pixel = l.start; pixel < l.end; pixel += blockDim.y) {
        size_t place = place_of(l, channels, area, pixel);
        Several v = load_several(x + place, l.count), w = {};
        if (g) w = load_several(g + place, l.count);
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) {
            real left = v.at[k] - shift.at[k];
            sum.at[k] += left;
            squares.at[k] += left * left;
            g_sum.at[k] += w.at[k];
            g_products.at[k] += w.at[k] * left;
        }
        count++;
    }
    uint split_start = l.split * part, split_count = l.end - split_start;
    double sums[CHANNELS], means[CHANNELS];
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        means[k] = count ? (double)shift.at[k] + (double)sum.at[k] / count : 0;
        sums[k] = means[k] * count;
    }
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        double part_mean = sums[k] / split_count, off = means[k] - part_mean;
        if (threadIdx.y == 0 && k < l.count) partial_of(partials, l, splits, 4, k)[0] = part_mean;
        double around = count ? (double)squares.at[k] - (double)sum.at[k] * (double)sum.at[k] / count : 0;
        sums[k] = around + off * off * count;
    }
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        if (threadIdx.y == 0 && k < l.count) partial_of(partials, l, splits, 4, k)[1] = sums[k];
        sums[k] = (double)g_sum.at[k];
    }
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        if (threadIdx.y == 0 && k < l.count) partial_of(partials, l, splits, 4, k)[2] = sums[k];
        sums[k] = (double)g_products.at[k] + (double)shift.at[k] * (double)g_sum.at[k];
    }
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++)
        if (threadIdx.y == 0 && k < l.count) partial_of(partials, l, splits, 4, k)[3] = sums[k];
}

// What `normalized_last` and `grad_last` need of each plane, as [6, planes]: the mean as the nearest value and what is left,
// factor, shift, the mean of g, and how g tilts. style_grad, null for none, gets the gradient of the style: side by side for
// each plane if it is paired, or as the style has it. Launch: a warp for each plane.
extern "C" __global__ void plane_numbers(
    const double *partials, const value *style, real *numbers, value *style_grad, uint planes, uint channels, uint area,
    uint part, uint splits, uint is_paired, double epsilon
) {
    uint plane = blockIdx.x, sample = plane / channels, channel = plane % channels;
    Moments m = plane_moments(partials, plane, area, part, splits, epsilon);
    if (threadIdx.x != 0) return;
    numbers[plane] = m.mean[0];
    numbers[planes + plane] = m.mean[1];
    numbers[2 * planes + plane] = (real)(scale_of(style, channels, plane) * m.inverse_deviation);
    numbers[3 * planes + plane] = style ? (real)style[(sample * 2 + 1) * channels + channel] : (real)0;
    numbers[4 * planes + plane] = (real)(m.g_sum / area);
    numbers[5 * planes + plane] = (real)(m.g_centered / area * m.inverse_deviation * m.inverse_deviation);
    if (!style_grad) return;
    uint scale = is_paired ? 2 * plane : sample * 2 * channels + channel;
    style_grad[scale] = (real)(m.g_centered * m.inverse_deviation);
    style_grad[scale + (is_paired ? 1 : channels)] = (real)m.g_sum;
}

// Those of a lane.
static __device__ __forceinline__ Several numbers_of(const real *numbers, const Lane &l) {
    Several several;
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) several.at[k] = k < l.count ? numbers[l.plane + k] : (real)0;
    return several;
}

// As `normalized`.
extern "C" __global__ void normalized_last(
    const value *x, const real *numbers, value *y, uint planes, uint channels, uint area, uint part, uint splits
) {
    Lane l = lane_of(channels, area, part, splits);
    Several mean = numbers_of(numbers, l), rest = numbers_of(numbers + planes, l);
    Several factor = numbers_of(numbers + 2 * planes, l), shift = numbers_of(numbers + 3 * planes, l);
    for (uint pixel = l.start; pixel < l.end; pixel += blockDim.y) {
        size_t place = place_of(l, channels, area, pixel);
        Several v = load_several(x + place, l.count);
#pragma unroll
        for (int k = 0; k < CHANNELS; k++)
            v.at[k] = ((v.at[k] - mean.at[k]) - rest.at[k]) * factor.at[k] + shift.at[k];
        store_several(y + place, l.count, v);
    }
}

// As `plane_grad`, with the planes' numbers instead of what they are made of; null for no norm.
extern "C" __global__ void grad_last(
    const value *g, const value *y, const real *numbers, const value *noise, value *dx, double *noise_partials,
    uint planes, uint channels, uint area, uint part, uint splits, uint noise_stride, double slope
) {
    Lane l = lane_of(channels, area, part, splits);
    Several mean = {}, rest = {}, factor = {}, g_mean = {}, tilt = {};
    if (numbers) {
        mean = numbers_of(numbers, l);
        rest = numbers_of(numbers + planes, l);
        factor = numbers_of(numbers + 2 * planes, l);
        g_mean = numbers_of(numbers + 4 * planes, l);
        tilt = numbers_of(numbers + 5 * planes, l);
    }
    Several products = {}, sum = {};
    for (uint pixel = l.start; pixel < l.end; pixel += blockDim.y) {
        size_t place = place_of(l, channels, area, pixel);
        Several v = load_several(g + place, l.count), at = load_several(y + place, l.count);
        real n = noise ? (real)noise[l.sample * noise_stride + pixel] : (real)0;
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) {
            if (numbers) {
                real centered = (at.at[k] - mean.at[k]) - rest.at[k];
                v.at[k] = ((v.at[k] - g_mean.at[k]) - centered * tilt.at[k]) * factor.at[k];
            }
            v.at[k] = at.at[k] >= 0 ? v.at[k] : v.at[k] * (real)slope;
            products.at[k] += v.at[k] * n;
            sum.at[k] += v.at[k];
        }
        store_several(dx + place, l.count, v);
    }
    if (!noise) return;
    double sums[CHANNELS];
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) sums[k] = (double)products.at[k];
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        if (threadIdx.y == 0 && k < l.count) partial_of(noise_partials, l, splits, 2, k)[0] = sums[k];
        sums[k] = (double)sum.at[k];
    }
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++)
        if (threadIdx.y == 0 && k < l.count) partial_of(noise_partials, l, splits, 2, k)[1] = sums[k];
}
