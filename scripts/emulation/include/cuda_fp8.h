// Values of eight bits, which nothing of ours has: what would compute with them ends the program.
#pragma once

#include "cuda_bf16.h"

enum __nv_fp8_interpretation_t { __NV_E4M3, __NV_E5M2 };

[[noreturn]] static inline void emulated_fp8() {
    fprintf(stderr, "emulated GPU: there is no arithmetic of eight bits\n");
    abort();
}
struct __nv_fp8_e4m3 {
    unsigned char __x;

    __nv_fp8_e4m3() = default;
    template <typename A> explicit __nv_fp8_e4m3(A) { emulated_fp8(); }
    operator float() const { emulated_fp8(); }
};
static inline __half_raw __nv_cvt_fp8_to_halfraw(unsigned char, __nv_fp8_interpretation_t) { emulated_fp8(); }
