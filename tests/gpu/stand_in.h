// What CUDA's language has beyond C++, for processors: threads of a block are fibers of one thread, which take
// turns at barriers. Slow, and the same bits. Included by the kernels where STAND_IN is defined.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__

struct Triple {
    unsigned x, y, z;
};
struct float2 {
    float x, y;
};
struct float4 {
    float x, y, z, w;
};
struct uint4 {
    uint32_t x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }

extern thread_local Triple threadIdx, blockIdx, blockDim, gridDim;

// Waits until all threads of the block, or of the warp, have come here.
void __syncthreads();
void __syncwarp();
// Shows 16 bytes to the other lanes of the warp; those of lane `of`.
struct Shown {
    uint64_t part[4];
};
const Shown *show(const Shown &own);

inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((uint64_t)a * b) >> 32); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __saturatef(float a) { return fminf(fmaxf(a, 0.0f), 1.0f); }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __int2float_rn(int a) { return (float)a; }
inline float __uint2float_rn(unsigned a) { return (float)a; }
inline unsigned __float2uint_rn(float a) { return (unsigned)rintf(a); }
inline float __int_as_float(int a) {
    float b;
    memcpy(&b, &a, 4);
    return b;
}
inline int __float_as_int(float a) {
    int b;
    memcpy(&b, &a, 4);
    return b;
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned by) {
    return (unsigned)(((uint64_t)high << 32 | low) >> (by & 31));
}
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned which) {
    const uint64_t both = (uint64_t)b << 32 | a;
    unsigned result = 0;
    for (int at = 0; at < 4; at++) result |= (unsigned)(both >> (which >> (4 * at) & 7) * 8 & 255) << (8 * at);
    return result;
}
using std::min;

inline void load_rows(uint32_t *rows, const uint8_t *own) {
    const Shown mine = {{(uint64_t)own}};
    const Shown *all = show(mine);
    const int lane = threadIdx.x % 32;
    for (int matrix = 0; matrix < 4; matrix++) {
        const uint8_t *row = (const uint8_t *)all[matrix * 8 + lane / 4].part[0];
        memcpy(&rows[matrix], row + lane % 4 * 4, 4);
    }
}

inline void multiply(int *sum, const uint32_t *bytes, const uint32_t *weights) {
    Shown mine;
    memcpy(mine.part, bytes, 16);
    memcpy(mine.part + 2, weights, 8);
    const Shown *all = show(mine);
    const int lane = threadIdx.x % 32;
    for (int at = 0; at < 4; at++) {
        const int row = lane / 4 + at / 2 * 8, column = lane % 4 * 2 + at % 2;
        int products = 0;
        for (int k = 0; k < 32; k++) {
            const int upper = k / 16, quarter = k % 16 / 4, byte = k % 4;
            const uint8_t *a = (const uint8_t *)all[row % 8 * 4 + quarter].part;
            const int8_t *b = (const int8_t *)(all[column * 4 + quarter].part + 2);
            products += a[(upper * 2 + row / 8) * 4 + byte] * b[upper * 4 + byte];
        }
        sum[at] += products;
    }
}
