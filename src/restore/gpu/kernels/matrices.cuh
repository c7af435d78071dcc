// Convolutions as products of matrices, 16 pixels by 8 channels by 32 bytes at a time (mma.m16n8k32; PTX ISA, "Matrix
// fragments for mma.m16n8k32"). Of a product a thread holds 2 channels of pixels `lane / 4` and `lane / 4 + 8`, and of two
// products 4; channels are dealt to the columns so that these lie side by side. Weights lie as threads read them, see
// packed.rs. Matrices are the work of whole warps, which come together before each (`__syncwarp`).

#ifdef STAND_IN
#include "stand_in.h"
#else
typedef unsigned char uint8_t;
typedef unsigned int uint32_t;

// The sum of 16 x 32 unsigned bytes by 32 x 8 signed ones and what there is.
__device__ __forceinline__ void multiply(int *sum, const uint32_t *bytes, const uint32_t *weights) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
        : "r"(bytes[0]), "r"(bytes[1]), "r"(bytes[2]), "r"(bytes[3]), "r"(weights[0]), "r"(weights[1]));
}

// Four matrices of 8 rows of 16 bytes, whose rows the lanes name: each lane gets four bytes of row lane / 4.
__device__ __forceinline__ void load_rows(uint32_t *rows, const uint8_t *own) {
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(own);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(rows[0]), "=r"(rows[1]), "=r"(rows[2]), "=r"(rows[3])
                 : "r"(at)
                 : "memory");
}
#endif

// A convolution in the order of matrices: weights [step][columns][half][lane], bias and multiplier by channel.
struct Matrices {
    const uint32_t *weights;
    const int *bias;
    const float *multiplier;
};

// How a branch and what it goes around are added.
struct Addition {
    float branch, skip;
    int is_there;
};

struct Convolution {
    Matrices matrices;
    Addition addition;
};

__device__ __forceinline__ float clamped(float value, float low, float high) {
    return fminf(fmaxf(value, low), high);
}

// Numbers this large hold whole numbers in their last bits: to add and take away the one rounds, half to even, and
// the bits of the other tell whole numbers from 0 on, faster than conversions do.
const float ROUNDING = 12582912.0f, WHOLE = 8388608.0f;
const uint32_t WHOLE_BITS = 0x4b000000u;

__device__ __forceinline__ float rounded(float value) { return __fadd_rn(__fadd_rn(value, ROUNDING), -ROUNDING); }

// A sum in steps of the output, within bounds, rounded half to even.
__device__ __forceinline__ float requantised(int sum, float multiplier, float low, float high) {
    return rounded(clamped(__fmul_rn(__int2float_rn(sum), multiplier), low, high));
}

// What a lane knows of the matrices: of a pixel it holds four channels of a group of 16. Where there are two groups,
// every other warp works on the second.
template <int C> struct Lane {
    static const int GROUPS = C / 16;
    int lane, pixel, quarter, group, channel, warp, warps;

    __device__ __forceinline__ Lane() {
        const int own = threadIdx.x / 32, all = blockDim.x / 32;
        lane = threadIdx.x % 32;
        pixel = lane / 4;
        quarter = lane % 4;
        group = own % GROUPS;
        channel = 16 * group + 4 * quarter;
        warp = own / GROUPS;
        warps = all / GROUPS;
    }
};

// A convolution to the 16 channels of a lane's group, as a lane has it.
//
// Sums begin with the bits of 2^23 and a bias. As numbers they are 2^23 + sum where the sum is none below 0, and less than
// 2^23 where it is; what is packed keeps them below 2^23 (packed.rs). So one fused multiplication and addition gives
// multiplier * sum, rounded once as the product by itself is, and something below 0 where the sum is. Values are kept in
// parts of 256, so that the card's clamping to [0, 1] serves: a byte is what 2^15 more has in its last bits.
template <int STEPS> struct Own {
    uint32_t weights[STEPS][2][2];
    int bias[4];
    float multiplier[4], offset[4];
    // Of the branch and of what it goes around.
    float branch, from_branch, skip, from_skip;
    bool is_added;

    // `blocks`: columns of matrices in a step; `block`: the first of ours; `channel`: the lane's first.
    __device__ __forceinline__ Own(const Convolution &of, int blocks, int block, int channel) {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int step = 0; step < STEPS; step++)
#pragma unroll
            for (int at = 0; at < 4; at++)
                weights[step][at / 2][at % 2] =
                    of.matrices.weights[((step * blocks + block + at / 2) * 2 + at % 2) * 32 + lane];
#pragma unroll
        for (int at = 0; at < 4; at++) {
            bias[at] = of.matrices.bias[channel + at] + (int)WHOLE_BITS;
            multiplier[at] = of.matrices.multiplier[channel + at] / 256.0f;
            offset[at] = -WHOLE * multiplier[at];
        }
        branch = 256.0f * of.addition.branch;
        from_branch = -WHOLE * of.addition.branch;
        skip = of.addition.skip;
        from_skip = -WHOLE * skip;
        is_added = of.addition.is_there;
    }

    __device__ __forceinline__ void begin(int (*sums)[4]) const {
#pragma unroll
        for (int at = 0; at < 8; at++) sums[at / 4][at % 4] = bias[at / 4 * 2 + at % 2];
    }

    __device__ __forceinline__ void add(int (*sums)[4], const uint32_t *bytes, int step) const {
        multiply(sums[0], bytes, weights[step][0]);
        multiply(sums[1], bytes, weights[step][1]);
    }

    // The four bytes of the pixel at `which` (0: `pixel`, 1: the eighth behind it); `around` are those it is added to.
    __device__ __forceinline__ uint32_t bytes(const int (*sums)[4], int which, uint32_t around) const {
        float values[4];
#pragma unroll
        for (int at = 0; at < 4; at++) {
            const float sum = __int_as_float(sums[at / 2][2 * which + at % 2]);
            const float value = __saturatef(__fmaf_rn(sum, multiplier[at], offset[at]));
            values[at] = __fadd_rn(fminf(value, 255.0f / 256.0f), 32768.0f);
        }
        if (is_added) {
#pragma unroll
            for (int at = 0; at < 4; at++) {
                const float whole = __int_as_float((int)__byte_perm(around, WHOLE_BITS, 0x7440 | at));
                const float sum =
                    __fadd_rn(__fmaf_rn(values[at], branch, from_branch), __fmaf_rn(whole, skip, from_skip));
                values[at] = __fadd_rn(fminf(sum, 255.0f), WHOLE);
            }
        }
        uint32_t bits[4];
#pragma unroll
        for (int at = 0; at < 4; at++) bits[at] = (uint32_t)__float_as_int(values[at]);
        return __byte_perm(__byte_perm(bits[0], bits[1], 0x0040), __byte_perm(bits[2], bits[3], 0x0040), 0x5410);
    }
};

// Where 16 bytes of a pixel lie in shared memory: halves of 32 change places in every other four pixels, so that
// eight neighbours are in different banks.
template <int C> __device__ __forceinline__ int place(int pixel, int half) {
    return C == 16 ? pixel * 16 : pixel * 32 + (half ^ (pixel >> 2 & 1)) * 16;
}

// The four bytes of a pixel that a lane holds, in shared memory.
template <int C> __device__ __forceinline__ uint32_t *held(uint8_t *pixels, int pixel, const Lane<C> &lane) {
    return reinterpret_cast<uint32_t *>(pixels + place<C>(pixel, lane.group) + 4 * lane.quarter);
}

// The same, in an image. (Images have less than 2^31 bytes: their sides fit in shared memory.)
template <int C> __device__ __forceinline__ uint32_t *held(uint8_t *image, int width, int y, int x, const Lane<C> &lane) {
    return reinterpret_cast<uint32_t *>(image + (unsigned)((y * width + x) * C + lane.channel));
}

// Steps of a 3x3 convolution: 32 bytes are two taps of 16 channels or one of 32.
template <int C> struct Window {
    static const int STEPS = C == 16 ? 5 : 9;
    // The pixels whose 16 bytes the lane names for `load_rows`, from the first of a tile.
    int offsets[STEPS];
    int half;

    __device__ __forceinline__ Window(int pitch) {
        const int lane = threadIdx.x % 32, matrix = lane / 8;
        half = matrix / 2;
#pragma unroll
        for (int step = 0; step < STEPS; step++) {
            // The tenth tap has no weights.
            const int tap = C == 16 ? min(2 * step + half, 8) : step;
            offsets[step] = matrix % 2 * 8 + lane % 8 + (tap / 3 - 1) * pitch + tap % 3 - 1;
        }
    }

    __device__ __forceinline__ void load(uint32_t *bytes, const uint8_t *pixels, int pixel, int step) const {
        load_rows(bytes, pixels + place<C>(pixel + offsets[step], half));
    }
};

// A tile of an image: rows of `pitch` pixels in shared memory, the first of which is pixel (left, top).
struct Region {
    int left, top, pitch, rows;
    // Of the image; beyond it there are zeros.
    int width, height;

    __device__ __forceinline__ bool has(int row, int column) const {
        return (unsigned)(top + row) < (unsigned)height && (unsigned)(left + column) < (unsigned)width;
    }
    // Whether none of it is beyond the image.
    __device__ __forceinline__ bool is_inside() const {
        return left >= 0 && top >= 0 && left + pitch <= width && top + rows <= height;
    }
};

// A layer on all of a region but `halo` pixels on each side, once all have come here.
template <int C>
__device__ __forceinline__ void convolve(
    uint8_t *from, uint8_t *to, const Region &region, int halo, const Convolution &layer
) {
    const Lane<C> lane;
    const Window<C> window(region.pitch);
    const Own<Window<C>::STEPS> own(layer, 2 * Lane<C>::GROUPS, 2 * lane.group, lane.channel);
    const unsigned magic = 0xffffffffu / (unsigned)region.pitch + 1u;
    const int first = halo * region.pitch + halo, last = (region.rows - halo) * region.pitch - halo;
    const bool is_inside = region.is_inside();
    __syncthreads();
    for (int tile = first + lane.warp * 16; tile < last; tile += lane.warps * 16) {
        __syncwarp();
        int sums[2][4];
        own.begin(sums);
#pragma unroll
        for (int step = 0; step < Window<C>::STEPS; step++) {
            uint32_t bytes[4];
            window.load(bytes, from, tile, step);
            own.add(sums, bytes, step);
        }
#pragma unroll
        for (int which = 0; which < 2; which++) {
            const int pixel = tile + lane.pixel + 8 * which;
            if (pixel < last) {
                uint32_t bytes = own.bytes(sums, which, *held<C>(from, pixel, lane));
                if (!is_inside) {
                    const int row = (int)__umulhi((unsigned)pixel, magic);
                    if (!region.has(row, pixel - row * region.pitch)) bytes = 0u;
                }
                *held<C>(to, pixel, lane) = bytes;
            }
        }
    }
}
