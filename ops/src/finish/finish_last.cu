// What `activate_last` is told.
struct ActivateStep {
    const value *x, *bias, *strength, *noise;
    value *y;
    uint noise_stride;
    real slope;
};

template <bool IS_WHOLE>
static __device__ __forceinline__ void activate_lane(const ActivateStep &s, const Lane &l, uint channels, uint area) {
    Several shift = load_several(s.bias + l.channel, l.count), share = {};
    if (s.noise) share = load_several(s.strength + l.channel, l.count);
    const value *const from[] = {s.x};
    over_pixels<IS_WHOLE>(l, channels, area, from, [&](size_t place, uint pixel, Several (&v)[1]) {
        real n = s.noise ? (real)s.noise[l.sample * s.noise_stride + pixel] : (real)0;
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) {
            real sum = v[0].at[k];
            if (s.noise) sum += n * share.at[k];
            sum += shift.at[k];
            v[0].at[k] = sum >= 0 ? sum : sum * s.slope;
        }
        store_several<IS_WHOLE>(s.y + place, l.count, v[0]);
    });
}

// As `activate`, of channels that lie one behind the other; `last.cu` says how they are dealt out.
extern "C" __global__ void activate_last(
    const value *x, const value *bias, const value *strength, const value *noise, value *y,
    uint channels, uint area, uint part, uint splits, uint noise_stride, double slope
) {
    Lane l = lane_of(channels, area, part, splits);
    ActivateStep step = {x, bias, strength, noise, y, noise_stride, (real)slope};
    if (is_whole(x, channels) && is_whole(y, channels)) activate_lane<true>(step, l, channels, area);
    else activate_lane<false>(step, l, channels, area);
}
