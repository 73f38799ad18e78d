// Standard normal numbers, the same as the CPU draws for a key: ChaCha with 8 rounds, and the ziggurat with 256 layers
// (Doornik 2005) in double precision.
//
// The generator gives numbers of 64 bits, each a function of its position; about one sample in 80 takes more than one of
// them, so where a sample starts depends on all before it. Three launches find out, for
// several draws at once, the y of a block's number:
// 1. `normal_steps`, a block for each chunk of the generator's numbers: for each position of the chunk that a sample may
//    start at first, how many samples start in the chunk, and at which position of the next one the first does.
// 2. `normal_starts`, one block for a draw: puts the chunks together.
// 3. `normal_values`, a block for each chunk: draws the samples again and writes each to its place.

// Threads of a block, each with the 8 numbers of one block of ChaCha, and positions that a sample may start at first.
#define THREADS 256
#define CHUNK (THREADS * 8)
#define ENTRIES 32

struct Key {
    uint words[8];
};

static __device__ __forceinline__ uint rotated(uint x, int by) { return x << by | x >> (32 - by); }

static __device__ __forceinline__ void quarter(uint &a, uint &b, uint &c, uint &d) {
    a += b;
    d = rotated(d ^ a, 16);
    c += d;
    b = rotated(b ^ c, 12);
    a += b;
    d = rotated(d ^ a, 8);
    c += d;
    b = rotated(b ^ c, 7);
}

// Block `counter` of the generator.
static __device__ void chacha(const Key &key, unsigned long long counter, unsigned long long (&numbers)[8]) {
    uint start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (int i = 0; i < 8; i++) start[4 + i] = key.words[i];
    start[12] = (uint)counter;
    start[13] = (uint)(counter >> 32);
    start[14] = start[15] = 0;
    uint x[16];
    for (int i = 0; i < 16; i++) x[i] = start[i];
    for (int round = 0; round < 4; round++) {
        quarter(x[0], x[4], x[8], x[12]);
        quarter(x[1], x[5], x[9], x[13]);
        quarter(x[2], x[6], x[10], x[14]);
        quarter(x[3], x[7], x[11], x[15]);
        quarter(x[0], x[5], x[10], x[15]);
        quarter(x[1], x[6], x[11], x[12]);
        quarter(x[2], x[7], x[8], x[13]);
        quarter(x[3], x[4], x[9], x[14]);
    }
    for (int i = 0; i < 8; i++)
        numbers[i] = (unsigned long long)(x[2 * i + 1] + start[2 * i + 1]) << 32 | (x[2 * i] + start[2 * i]);
}

static __device__ unsigned long long number_at(const Key &key, unsigned long long position) {
    unsigned long long numbers[8];
    chacha(key, position / 8, numbers);
    return numbers[position % 8];
}

// A double whose exponent is `exponent`, with the 52 highest bits of `bits` behind the point.
static __device__ __forceinline__ double with_exponent(unsigned long long bits, int exponent) {
    return __longlong_as_double((long long)(bits >> 12 | (unsigned long long)(1023 + exponent) << 52));
}

static __device__ __forceinline__ double open_unit(unsigned long long bits) {
    return with_exponent(bits, 0) - (1 - 1.1102230246251565e-16);
}

// The sample that starts with `bits`, the number at `position`, and how many numbers it takes. `tables` has the right
// ends of the 256 layers and zero, then the density at each.
static __device__ double sample(
    const Key &key, const double *tables, unsigned long long bits, unsigned long long position, uint &taken
) {
    const double *density = tables + 257;
    taken = 1;
    while (true) {
        uint layer = bits & 0xff;
        double u = with_exponent(bits, 1) - 3, x = u * tables[layer];
        if (fabs(x) < tables[layer + 1]) return x;
        if (layer == 0) {
            double tail, y;
            do {
                tail = log(open_unit(number_at(key, position + taken))) / tables[1];
                y = log(open_unit(number_at(key, position + taken + 1)));
                taken += 2;
            } while (-2 * y < tail * tail);
            return u < 0 ? tail - tables[1] : tables[1] - tail;
        }
        double unit = (double)(number_at(key, position + taken) >> 11) * 1.1102230246251565e-16;
        taken++;
        if (density[layer + 1] + (density[layer] - density[layer + 1]) * unit < exp(-x * x / 2)) return x;
        bits = number_at(key, position + taken);
        taken++;
    }
}

// The samples that could start at each position of a chunk.
struct Chunk {
    // How many numbers each takes.
    unsigned char taken[CHUNK];
    // A bit for each that takes more than one.
    uint slow[CHUNK / 32];
};

static __device__ void draw(const Key &key, const double *tables, Chunk &chunk, double (&values)[8]) {
    if (threadIdx.x < CHUNK / 32) chunk.slow[threadIdx.x] = 0;
    __syncthreads();
    unsigned long long numbers[8], block = (unsigned long long)blockIdx.x * THREADS + threadIdx.x;
    chacha(key, block, numbers);
    uint slow = 0;
    for (int i = 0; i < 8; i++) {
        uint taken;
        values[i] = sample(key, tables, numbers[i], 8 * block + i, taken);
        chunk.taken[8 * threadIdx.x + i] = taken < 255 ? taken : 255;
        if (taken > 1) slow |= 1u << i;
    }
    if (slow) atomicOr(&chunk.slow[threadIdx.x / 4], slow << 8 * (threadIdx.x % 4));
    __syncthreads();
}

// The first slow position from `position` on, or the chunk's end.
static __device__ uint next_slow(const Chunk &chunk, uint position) {
    for (uint word = position / 32; word < CHUNK / 32; word++) {
        uint bits = chunk.slow[word];
        if (word == position / 32) bits &= 0xffffffffu << position % 32;
        if (bits) return word * 32 + __ffs(bits) - 1;
    }
    return CHUNK;
}

// What two rows of a table say of a draw, in the order of their words: its key, and what follows.
struct Draw {
    Key key;
    real *y;
    uint len, chunks;
    // Where its steps and starts lie.
    size_t first;
};

static __device__ Draw draw_of(const Table &table, uint number) {
    const Row &row = table.rows[2 * number], &next = table.rows[2 * number + 1];
    Draw draw;
    for (int i = 0; i < 4; i++) {
        unsigned long long words = (unsigned long long)row.at[i];
        draw.key.words[2 * i] = (uint)words;
        draw.key.words[2 * i + 1] = (uint)(words >> 32);
    }
    draw.y = (real *)row.len;
    draw.len = (uint)(unsigned long long)next.at[0];
    draw.chunks = (uint)(unsigned long long)next.at[1];
    draw.first = (size_t)next.at[2];
    return draw;
}

// steps[chunk][entry]: 32 times the samples that start in the chunk, plus the position in the next one that follows.
extern "C" __global__ void normal_steps(Table table, const double *tables, uint *steps) {
    __shared__ Chunk chunk;
    Draw of = draw_of(table, blockIdx.y);
    if (blockIdx.x >= of.chunks) return;
    steps += of.first * ENTRIES;
    double values[8];
    draw(of.key, tables, chunk, values);
    if (threadIdx.x >= ENTRIES) return;
    uint position = threadIdx.x, count = 0;
    while (position < CHUNK) {
        uint slow = next_slow(chunk, position);
        count += slow - position + (slow < CHUNK);
        position = slow < CHUNK ? slow + chunk.taken[slow] : CHUNK;
    }
    // More than a sample takes in the lifetime of the universe.
    uint exit = position - CHUNK < ENTRIES ? position - CHUNK : ENTRIES - 1;
    steps[blockIdx.x * ENTRIES + threadIdx.x] = count * ENTRIES + exit;
}

// starts[chunk]: the position in the chunk where a sample starts first, and the number of samples before it.
extern "C" __global__ void normal_starts(Table table, const uint *steps, uint2 *starts) {
    __shared__ uint tile[THREADS / 4 * ENTRIES];
    Draw of = draw_of(table, blockIdx.y);
    steps += of.first * ENTRIES;
    starts += of.first;
    uint entry = 0, before = 0;
    for (uint first = 0; first < of.chunks; first += THREADS / 4) {
        uint count = first + THREADS / 4 < of.chunks ? THREADS / 4 : of.chunks - first;
        __syncthreads();
        for (uint i = threadIdx.x; i < count * ENTRIES; i += THREADS) tile[i] = steps[first * ENTRIES + i];
        __syncthreads();
        if (threadIdx.x != 0) continue;
        for (uint i = 0; i < count; i++) {
            starts[first + i] = make_uint2(entry, before);
            uint step = tile[i * ENTRIES + entry];
            entry = step % ENTRIES;
            before += step / ENTRIES;
        }
    }
}

// y: the first `len` samples
extern "C" __global__ void normal_values(Table table, const double *tables, const uint2 *starts) {
    __shared__ Chunk chunk;
    // A bit for each position at which a sample starts.
    __shared__ uint starting[CHUNK / 32];
    Draw of = draw_of(table, blockIdx.y);
    if (blockIdx.x >= of.chunks) return;
    double values[8];
    if (threadIdx.x < CHUNK / 32) starting[threadIdx.x] = 0xffffffffu;
    draw(of.key, tables, chunk, values);
    uint2 start = starts[of.first + blockIdx.x];
    if (threadIdx.x == 0) {
        uint skip = 0, position = start.x;
        while (true) {
            for (; skip < position && skip < CHUNK; skip++) starting[skip / 32] &= ~(1u << skip % 32);
            if (position >= CHUNK) break;
            uint slow = next_slow(chunk, position);
            if (slow == CHUNK) break;
            skip = slow + 1;
            position = slow + chunk.taken[slow];
        }
    }
    __syncthreads();
    uint first = 8 * threadIdx.x, rank = start.y;
    for (uint word = 0; word < first / 32; word++) rank += __popc(starting[word]);
    rank += __popc(starting[first / 32] & ((1u << first % 32) - 1));
    for (int i = 0; i < 8; i++) {
        if (!(starting[(first + i) / 32] >> (first + i) % 32 & 1)) continue;
        if (rank < of.len) of.y[rank] = (real)(float)values[i];
        rank++;
    }
}
