// Instance norm, and the gradients behind it, of channels that lie one behind the other; `last.cu` says how they are dealt
// out, `norm.cu` what the numbers are.

// The sums of one thread: of x less the first value, of its square, of g, and of g times x less the first value.
struct LaneMoments {
    Several shift, sum, squares, g_sum, g_products;
    uint count;
};

template <bool IS_WHOLE, bool HAS_G>
static __device__ __forceinline__ LaneMoments lane_moments(
    const value *x, const value *g, const Lane &l, uint channels, uint area
) {
    LaneMoments m = {};
    if (l.start >= l.end) return m;
    m.shift = several(load_raw<IS_WHOLE>(x + place_of(l, channels, area, l.start), l.count));
    const value *const from[] = {x, g};
    const value *const (&some)[1 + HAS_G] = (const value *const (&)[1 + HAS_G])from;
    over_pixels<IS_WHOLE>(l, channels, area, some, [&](size_t, uint, const Several (&v)[1 + HAS_G]) {
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) {
            real left = v[0].at[k] - m.shift.at[k];
            m.sum.at[k] += left;
            m.squares.at[k] += left * left;
            if (!HAS_G) continue;
            m.g_sum.at[k] += v[HAS_G].at[k];
            m.g_products.at[k] += v[HAS_G].at[k] * left;
        }
        m.count++;
    });
    return m;
}

// As `moments`.
extern "C" __global__ void moments_last(
    const value *x, const value *g, double *partials, uint channels, uint area, uint part, uint splits
) {
    Lane l = lane_of(channels, area, part, splits);
    bool whole = is_whole(x, channels) && is_whole(g, channels);
    LaneMoments m = whole ? g ? lane_moments<true, true>(x, g, l, channels, area)
                              : lane_moments<true, false>(x, g, l, channels, area)
                          : g ? lane_moments<false, true>(x, g, l, channels, area)
                              : lane_moments<false, false>(x, g, l, channels, area);
    uint split_start = l.split * part, split_count = l.end - split_start;
    double sums[CHANNELS], means[CHANNELS];
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        means[k] = m.count ? (double)m.shift.at[k] + (double)m.sum.at[k] / m.count : 0;
        sums[k] = means[k] * m.count;
    }
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        double part_mean = sums[k] / split_count, off = means[k] - part_mean;
        if (threadIdx.y == 0 && k < l.count) partial_of(partials, l, splits, 4, k)[0] = part_mean;
        double around = m.count ? (double)m.squares.at[k] - (double)m.sum.at[k] * (double)m.sum.at[k] / m.count : 0;
        sums[k] = around + off * off * m.count;
    }
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        if (threadIdx.y == 0 && k < l.count) partial_of(partials, l, splits, 4, k)[1] = sums[k];
        sums[k] = (double)m.g_sum.at[k];
    }
    if (g) sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        if (threadIdx.y == 0 && k < l.count) partial_of(partials, l, splits, 4, k)[2] = sums[k];
        sums[k] = (double)m.g_products.at[k] + (double)m.shift.at[k] * (double)m.g_sum.at[k];
    }
    if (g) sum_rows(sums);
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

template <bool IS_WHOLE>
static __device__ __forceinline__ void normalize_lane(
    const value *x, const real *numbers, value *y, uint planes, uint channels, uint area, uint part, uint splits
) {
    Lane l = lane_of(channels, area, part, splits);
    Several mean = numbers_of(numbers, l), rest = numbers_of(numbers + planes, l);
    Several factor = numbers_of(numbers + 2 * planes, l), shift = numbers_of(numbers + 3 * planes, l);
    const value *const from[] = {x};
    over_pixels<IS_WHOLE>(l, channels, area, from, [&](size_t place, uint, Several (&v)[1]) {
#pragma unroll
        for (int k = 0; k < CHANNELS; k++)
            v[0].at[k] = ((v[0].at[k] - mean.at[k]) - rest.at[k]) * factor.at[k] + shift.at[k];
        store_several<IS_WHOLE>(y + place, l.count, v[0]);
    });
}

// As `normalized`.
extern "C" __global__ void normalized_last(
    const value *x, const real *numbers, value *y, uint planes, uint channels, uint area, uint part, uint splits
) {
    if (is_whole(x, channels) && is_whole(y, channels))
        normalize_lane<true>(x, numbers, y, planes, channels, area, part, splits);
    else normalize_lane<false>(x, numbers, y, planes, channels, area, part, splits);
}

// What `grad_last` is told.
struct GradStep {
    const value *g, *y;
    const real *numbers;
    const value *noise;
    value *dx;
    uint planes, noise_stride;
    real slope;
};

// What is left of noise: the sums of gradients times noise, and of gradients.
struct NoiseSums {
    Several products, sum;
};

template <bool IS_WHOLE>
static __device__ __forceinline__ NoiseSums grad_lane(const GradStep &s, const Lane &l, uint channels, uint area) {
    Several mean = {}, rest = {}, factor = {}, g_mean = {}, tilt = {};
    if (s.numbers) {
        mean = numbers_of(s.numbers, l);
        rest = numbers_of(s.numbers + s.planes, l);
        factor = numbers_of(s.numbers + 2 * s.planes, l);
        g_mean = numbers_of(s.numbers + 4 * s.planes, l);
        tilt = numbers_of(s.numbers + 5 * s.planes, l);
    }
    NoiseSums sums = {};
    const value *const from[] = {s.g, s.y};
    over_pixels<IS_WHOLE>(l, channels, area, from, [&](size_t place, uint pixel, Several (&v)[2]) {
        real n = s.noise ? (real)s.noise[l.sample * s.noise_stride + pixel] : (real)0;
        Several &d = v[0], &at = v[1];
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) {
            if (s.numbers) {
                real centered = (at.at[k] - mean.at[k]) - rest.at[k];
                d.at[k] = ((d.at[k] - g_mean.at[k]) - centered * tilt.at[k]) * factor.at[k];
            }
            d.at[k] = at.at[k] >= 0 ? d.at[k] : d.at[k] * s.slope;
            sums.products.at[k] += d.at[k] * n;
            sums.sum.at[k] += d.at[k];
        }
        store_several<IS_WHOLE>(s.dx + place, l.count, d);
    });
    return sums;
}

// As `plane_grad`, with the planes' numbers instead of what they are made of; null for no norm.
extern "C" __launch_bounds__(256, 2) __global__ void grad_last(
    const value *g, const value *y, const real *numbers, const value *noise, value *dx, double *noise_partials,
    uint planes, uint channels, uint area, uint part, uint splits, uint noise_stride, double slope
) {
    Lane l = lane_of(channels, area, part, splits);
    GradStep step = {g, y, numbers, noise, dx, planes, noise_stride, (real)slope};
    bool whole = is_whole(g, channels) && is_whole(y, channels) && is_whole(dx, channels);
    NoiseSums of_noise = whole ? grad_lane<true>(step, l, channels, area) : grad_lane<false>(step, l, channels, area);
    if (!noise) return;
    double sums[CHANNELS];
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) sums[k] = (double)of_noise.products.at[k];
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
        if (threadIdx.y == 0 && k < l.count) partial_of(noise_partials, l, splits, 2, k)[0] = sums[k];
        sums[k] = (double)of_noise.sum.at[k];
    }
    sum_rows(sums);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++)
        if (threadIdx.y == 0 && k < l.count) partial_of(noise_partials, l, splits, 2, k)[1] = sums[k];
}
