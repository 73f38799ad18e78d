// [ins, outs, taps] of [outs, ins, taps], the taps in reverse. Launch: a thread for each value.
extern "C" __global__ void turned(const value *weight, value *y, uint outs, uint ins, uint taps) {
    uint i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= outs * ins * taps) return;
    uint tap = i % taps, out = i / taps % outs, in = i / taps / outs;
    y[i] = weight[(out * ins + in) * taps + taps - 1 - tap];
}

// [ins, taps, outs] of [outs, taps, ins], the taps in reverse: for each tap, rows and columns exchanged.
extern "C" __global__ void turned_last(const value *weight, value *y, uint outs, uint ins, uint taps) {
    uint tap = blockIdx.z;
    exchange_tile(weight + (taps - 1 - tap) * ins, y + tap * outs, outs, ins, taps * ins, taps * outs);
}
