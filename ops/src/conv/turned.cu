// [ins, outs, taps] of [outs, ins, taps], the taps in reverse. Launch: a thread for each value.
extern "C" __global__ void turned(const value *weight, value *y, uint outs, uint ins, uint taps) {
    uint i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= outs * ins * taps) return;
    uint tap = i % taps, out = i / taps % outs, in = i / taps / outs;
    y[i] = weight[(out * ins + in) * taps + taps - 1 - tap];
}
