// Instance norm, and the gradients behind it and what precedes it; `sums.cu` says how planes are cut into parts, and
// launches have blocks for them.

// partials: [planes, splits, 4], the mean of x, the sum of squares of what is left, the sum of g and that of g * x.
// Without g, the last two are zeros.
//
// Each thread takes its own first value off all others before it sums, so that squares of small differences are not
// lost beside a large mean, and a constant part comes out as one exactly.
extern "C" __global__ void moments(
    const value *x, const value *g, double *partials, uint area, uint part, uint splits
) {
    Part p = part_of(area, part, splits);
    x += (size_t)p.plane * area;
    if (g) g += (size_t)p.plane * area;
    uint first = p.start + 4 * threadIdx.x, count = 0;
    real shift = first < p.end ? (real)x[first] : 0;
    real sum = 0, squares = 0, g_sum = 0, g_products = 0;
    for (uint i = first; i < p.end; i += 4 * blockDim.x) {
        Four v = load(x, i, p.end), w = g ? load(g, i, p.end) : Four();
        for (int k = 0; k < 4 && i + k < p.end; k++) {
            real left = v.at[k] - shift;
            sum += left;
            squares += left * left;
            g_sum += w.at[k];
            g_products += w.at[k] * left;
            count++;
        }
    }
    double mean = count ? (double)shift + (double)sum / count : 0;
    double around = count ? (double)squares - (double)sum * (double)sum / count : 0;
    double sums[3] = {mean * count, (double)g_sum, (double)g_products + (double)shift * (double)g_sum};
    block_sums(sums);
    double part_mean = sums[0] / (p.end - p.start);
    double all_around[1] = {around + (mean - part_mean) * (mean - part_mean) * count};
    block_sums(all_around);
    if (threadIdx.x == 0) {
        double *numbers = partial(partials, p, splits, 4);
        numbers[0] = part_mean;
        numbers[1] = all_around[0];
        numbers[2] = sums[1];
        numbers[3] = sums[2];
    }
}

// The statistics of a whole plane, known to all threads.
struct Moments {
    // The mean, as the nearest value and what is left.
    real mean[2];
    double inverse_deviation;
    // Sums of g, and of g times x without its mean.
    double g_sum, g_centered;

    __device__ __forceinline__ real center(real x) const { return (x - mean[0]) - mean[1]; }
};

static __device__ Moments plane_moments(
    const double *partials, uint plane, uint area, uint part, uint splits, double epsilon
) {
    partials += (size_t)plane * splits * 4;
    double sums[3] = {0, 0, 0};
    for (uint i = threadIdx.x; i < splits; i += blockDim.x) {
        uint count = i + 1 < splits ? part : area - i * part;
        sums[0] += partials[4 * i] * count;
        sums[1] += partials[4 * i + 2];
        sums[2] += partials[4 * i + 3];
    }
    block_sums(sums);
    double mean = sums[0] / area, squares[1] = {0};
    for (uint i = threadIdx.x; i < splits; i += blockDim.x) {
        uint count = i + 1 < splits ? part : area - i * part;
        double off = partials[4 * i] - mean;
        squares[0] += partials[4 * i + 1] + off * off * count;
    }
    block_sums(squares);
    Moments m;
    m.mean[0] = (real)mean;
    m.mean[1] = (real)(mean - (double)m.mean[0]);
    m.inverse_deviation = 1 / sqrt(squares[0] / area + epsilon);
    m.g_sum = sums[1];
    m.g_centered = sums[2] - mean * sums[1];
    return m;
}

// The scale of a plane, by the style [samples, 2 * channels] of all scales (less one) and then all shifts; one without.
static __device__ __forceinline__ double scale_of(const value *style, uint channels, uint plane) {
    return style ? (double)style[plane / channels * 2 * channels + plane % channels] + 1 : 1;
}

// y = x at mean 0 and deviation 1, times the plane's scale, plus its shift
extern "C" __global__ void normalized(
    const value *x, const double *partials, const value *style, value *y,
    uint channels, uint area, uint part, uint splits, double epsilon
) {
    Part p = part_of(area, part, splits);
    Moments m = plane_moments(partials, p.plane, area, part, splits, epsilon);
    real factor = (real)(scale_of(style, channels, p.plane) * m.inverse_deviation);
    real shift = style ? (real)style[(p.plane / channels * 2 + 1) * channels + p.plane % channels] : 0;
    x += (size_t)p.plane * area;
    y += (size_t)p.plane * area;
    for (uint i = p.start + 4 * threadIdx.x; i < p.end; i += 4 * blockDim.x) {
        Four v = load(x, i, p.end);
        for (int k = 0; k < 4; k++) v.at[k] = m.center(v.at[k]) * factor + shift;
        store(y, i, p.end, v);
    }
}

// dx: the gradient g, taken back through up to three steps. y is what stood between them.
// - Through the norm whose input was y and whose moments are partials, null for none. Then, if there is a style,
//   style_grad gets what goes to the plane's scale and shift: side by side for each plane, or as the style has them.
// - Through the leaky ReLU whose output was y, if slope is not 1.
// - Beside the noise, null for none: noise_partials [planes, splits, 2] get the sums of dx * noise and of dx.
extern "C" __global__ void plane_grad(
    const value *g, const value *y, const double *partials, const value *style, const value *noise, value *dx,
    value *style_grad, double *noise_partials, uint channels, uint area, uint part, uint splits,
    uint noise_stride, uint is_paired, double epsilon, double slope
) {
    Part p = part_of(area, part, splits);
    uint sample = p.plane / channels, channel = p.plane % channels;
    Moments m;
    real factor = 1, g_mean = 0, tilt = 0;
    if (partials) {
        m = plane_moments(partials, p.plane, area, part, splits, epsilon);
        factor = (real)(scale_of(style, channels, p.plane) * m.inverse_deviation);
        g_mean = (real)(m.g_sum / area);
        tilt = (real)(m.g_centered / area * m.inverse_deviation * m.inverse_deviation);
        if (style && p.split == 0 && threadIdx.x == 0) {
            uint scale = is_paired ? 2 * p.plane : sample * 2 * channels + channel;
            style_grad[scale] = (real)(m.g_centered * m.inverse_deviation);
            style_grad[scale + (is_paired ? 1 : channels)] = (real)m.g_sum;
        }
    }
    g += (size_t)p.plane * area;
    y += (size_t)p.plane * area;
    dx += (size_t)p.plane * area;
    if (noise) noise += (size_t)sample * noise_stride;
    real products = 0, sum = 0;
    for (uint i = p.start + 4 * threadIdx.x; i < p.end; i += 4 * blockDim.x) {
        Four v = load(g, i, p.end), at = load(y, i, p.end);
        for (int k = 0; k < 4; k++) {
            if (partials) v.at[k] = ((v.at[k] - g_mean) - m.center(at.at[k]) * tilt) * factor;
            v.at[k] = at.at[k] >= 0 ? v.at[k] : v.at[k] * (real)slope;
        }
        store(dx, i, p.end, v);
        if (noise) {
            Four n = load(noise, i, p.end);
            for (int k = 0; k < 4 && i + k < p.end; k++) {
                products += v.at[k] * n.at[k];
                sum += v.at[k];
            }
        }
    }
    if (noise) {
        double sums[2] = {(double)products, (double)sum};
        block_sums(sums);
        if (threadIdx.x == 0) {
            double *numbers = partial(noise_partials, p, splits, 2);
            numbers[0] = sums[0];
            numbers[1] = sums[1];
        }
    }
}
