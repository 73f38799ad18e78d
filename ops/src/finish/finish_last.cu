// As `activate`, of channels that lie one behind the other; `last.cu` says how they are dealt out.
extern "C" __global__ void activate_last(
    const value *x, const value *bias, const value *strength, const value *noise, value *y,
    uint channels, uint area, uint part, uint splits, uint noise_stride, double slope
) {
    Lane l = lane_of(channels, area, part, splits);
    Several shift = load_several(bias + l.channel, l.count), share = {};
    if (noise) share = load_several(strength + l.channel, l.count);
    for (uint pixel = l.start; pixel < l.end; pixel += blockDim.y) {
        size_t place = place_of(l, channels, area, pixel);
        Several v = load_several(x + place, l.count);
        real n = noise ? (real)noise[l.sample * noise_stride + pixel] : (real)0;
#pragma unroll
        for (int k = 0; k < CHANNELS; k++) {
            real sum = v.at[k];
            if (noise) sum += n * share.at[k];
            sum += shift.at[k];
            v.at[k] = sum >= 0 ? sum : sum * (real)slope;
        }
        store_several(y + place, l.count, v);
    }
}
