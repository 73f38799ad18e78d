// bfloat16 and half, as far as candle's kernels need them: rounded where they are kept, computed with in float.
#pragma once

#include "emulation.h"

template <typename Bits> struct Narrow {
    unsigned short bits;

    Narrow() = default;
    template <typename A, typename = std::enable_if_t<std::is_arithmetic_v<A>>> Narrow(A x) : bits(Bits::of((float)x)) {}
    operator float() const { return Bits::wide(bits); }
    template <typename A> Narrow &operator+=(A x) { return *this = Narrow((float)*this + (float)x); }
    template <typename A> Narrow &operator-=(A x) { return *this = Narrow((float)*this - (float)x); }
    template <typename A> Narrow &operator*=(A x) { return *this = Narrow((float)*this * (float)x); }
    template <typename A> Narrow &operator/=(A x) { return *this = Narrow((float)*this / (float)x); }
    Narrow operator-() const { return Narrow(-(float)*this); }
    friend Narrow operator+(Narrow a, Narrow b) { return Narrow((float)a + (float)b); }
    friend Narrow operator-(Narrow a, Narrow b) { return Narrow((float)a - (float)b); }
    friend Narrow operator*(Narrow a, Narrow b) { return Narrow((float)a * (float)b); }
    friend Narrow operator/(Narrow a, Narrow b) { return Narrow((float)a / (float)b); }
    friend bool operator<(Narrow a, Narrow b) { return (float)a < (float)b; }
    friend bool operator>(Narrow a, Narrow b) { return (float)a > (float)b; }
    friend bool operator<=(Narrow a, Narrow b) { return (float)a <= (float)b; }
    friend bool operator>=(Narrow a, Narrow b) { return (float)a >= (float)b; }
    friend bool operator==(Narrow a, Narrow b) { return (float)a == (float)b; }
    friend bool operator!=(Narrow a, Narrow b) { return (float)a != (float)b; }
};

struct BrainBits {
    static unsigned short of(float x) {
        unsigned wide = __float_as_uint(x);
        if (x != x) return wide >> 16 | 0x40;
        return (wide + 0x7fff + (wide >> 16 & 1)) >> 16;
    }
    static float wide(unsigned short bits) { return __uint_as_float((unsigned)bits << 16); }
};
struct HalfBits {
    static unsigned short of(float x) { return emulated_bits<unsigned short>((_Float16)x); }
    static float wide(unsigned short bits) { return (float)emulated_bits<_Float16>(bits); }
};
typedef Narrow<BrainBits> __nv_bfloat16;
typedef Narrow<HalfBits> __half;
typedef __half __half_raw;
typedef __half half;

static inline float __bfloat162float(__nv_bfloat16 x) { return x; }
static inline __nv_bfloat16 __float2bfloat16(float x) { return x; }
static inline __nv_bfloat16 __float2bfloat16_rn(float x) { return x; }
static inline float __half2float(__half x) { return x; }
static inline __half __float2half(float x) { return x; }
static inline unsigned short __half_as_ushort(__half x) { return x.bits; }
static inline __half __ushort_as_half(unsigned short bits) { return emulated_bits<__half>(bits); }
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) { return x.bits; }
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) { return emulated_bits<__nv_bfloat16>(bits); }

#define EMULATED_NARROW(T)                                                                                 \
    static inline bool __hisnan(T x) { return x != x; }                                                    \
    static inline T __hmax_nan(T a, T b) { return a != a || b != b ? T(NAN) : a < b ? b : a; }             \
    static inline T __hmin_nan(T a, T b) { return a != a || b != b ? T(NAN) : b < a ? b : a; }             \
    static inline T __habs(T x) { return fabsf(x); }                                                       \
    static inline T hsqrt(T x) { return sqrtf(x); }                                                        \
    static inline T hcos(T x) { return cosf(x); }                                                          \
    static inline T hsin(T x) { return sinf(x); }                                                          \
    static inline T hlog(T x) { return logf(x); }                                                          \
    static inline T hexp(T x) { return expf(x); }
EMULATED_NARROW(__nv_bfloat16)
EMULATED_NARROW(__half)

struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};
static inline __nv_bfloat162 __hadd2(__nv_bfloat162 a, __nv_bfloat162 b) { return {a.x + b.x, a.y + b.y}; }
static inline __nv_bfloat162 __hmul2(__nv_bfloat162 a, __nv_bfloat162 b) { return {a.x * b.x, a.y * b.y}; }
