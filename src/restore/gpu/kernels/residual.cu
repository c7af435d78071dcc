// Residual networks in the integers of their files, bit for bit as the scalar kernel of the processors.
//
//   head   planes -> bytes -> first convolution, and the way down to the coarse branch
//   chain  layers of the coarse branch, on tiles with a halo that shrinks from layer to layer
//   tail   the way up, added to the head; layers of the body; the last convolution -> plane
//
// Activations are bytes, [row][column][channel]. How matrices convolve them stands in matrices.cuh.

#include "matrices.cuh"

const int PLANES = 6, LAYERS = 8;
// Pixels that tiles of 16 see behind the last one of a region.
const int SLACK = 32;
// Half-size pixels that a block of the head gives.
const int HEAD_WIDTH = 32, HEAD_HEIGHT = 16;

struct Head {
    // Null where a plane is the same all over; then its byte.
    const float *planes[PLANES];
    int bytes[PLANES];
    int count;
    // Of the planes, and of those that the network works on: there they go on with their last samples.
    int width, height, aligned_width, aligned_height;
    float scale, zero;
    Matrices head, down;
    uint8_t *rectified;
    // Null without a coarse branch.
    uint8_t *coarse;
};

struct Chain {
    const uint8_t *from;
    uint8_t *to;
    int width, height, count;
    // What a block gives.
    int tile_width, tile_height;
    Convolution layers[LAYERS];
};

struct Tail {
    const uint8_t *rectified;
    // Null without a coarse branch.
    const uint8_t *coarse;
    // In pixels of half the size, and that of the plane.
    int width, height, plane_width, plane_height;
    Convolution up;
    int count;
    // What a block gives; its width is a multiple of 16.
    int tile_width, tile_height;
    Convolution layers[LAYERS];
    Matrices last;
    float scale, zero;
    float *plane;
};

// As src/restore/gpu/driver/layout.rs says.
static_assert(sizeof(Head) == 168 && sizeof(Chain) == 360 && sizeof(Tail) == 448, "");

extern __shared__ uint4 shared_words[];

// Bytes of a row of a plane's tile, from four samples left of the first pixel's on, and its rows.
const int SEEN_PITCH = 2 * HEAD_WIDTH + 8, SEEN_HEIGHT = 2 * HEAD_HEIGHT + 2, SEEN_LEFT = 4;

// Bytes of samples: clamp(round(sample / scale) + zero, 0, 255), halves to even.
struct Quantiser {
    float scale, inverse, zero;

    __device__ __forceinline__ uint32_t operator()(float sample) const {
        return (uint32_t)(rounded(clamped(__fdiv_rn(sample, scale), -zero, 255.0f - zero)) + zero);
    }

    // Of four. A product with the inverse is off by less than a ten thousandth of a step where it matters, so slow
    // divisions are made near halves alone.
    __device__ __forceinline__ uint32_t operator()(float4 samples) const {
        const float values[4] = {samples.x, samples.y, samples.z, samples.w}, magic = ROUNDING + zero;
        uint32_t bits[4];
        float most = 0.0f;
#pragma unroll
        for (int at = 0; at < 4; at++) {
            const float steps = clamped(__fmul_rn(values[at], inverse), -zero, 255.0f - zero);
            const float whole = __fadd_rn(steps, magic);
            most = fmaxf(most, fabsf(__fadd_rn(steps, -__fadd_rn(whole, -magic))));
            bits[at] = (uint32_t)__float_as_int(whole);
        }
        if (most > 0.499f) {
#pragma unroll
            for (int at = 0; at < 4; at++) bits[at] = (*this)(values[at]);
        }
        return __byte_perm(__byte_perm(bits[0], bits[1], 0x0040), __byte_perm(bits[2], bits[3], 0x0040), 0x5410);
    }
};

// Quantises what the windows of a tile see of all planes, four samples at a time.
__device__ __forceinline__ void see(const Head &head, int left, int top, uint32_t *seen) {
    const int quads = SEEN_PITCH / 4, count = SEEN_HEIGHT * quads;
    const Quantiser quantiser = {head.scale, 1.0f / head.scale, head.zero};
    const bool has_quads = head.width % 4 == 0;
    for (int at = threadIdx.x; at < count; at += blockDim.x) {
        const int y = top + at / quads, x = left + at % quads * 4;
        if (has_quads && y >= 0 && y < head.height && x >= 0 && x < head.width) {
            const unsigned place = (unsigned)(y * head.width + x);
            float4 samples[PLANES];
#pragma unroll
            for (int plane = 0; plane < PLANES; plane++)
                if (plane < head.count && head.planes[plane] != nullptr)
                    samples[plane] = *reinterpret_cast<const float4 *>(head.planes[plane] + place);
#pragma unroll
            for (int plane = 0; plane < PLANES; plane++)
                if (plane < head.count)
                    seen[plane * count + at] = head.planes[plane] == nullptr ? 0x01010101u * (uint32_t)head.bytes[plane]
                                                                             : quantiser(samples[plane]);
            continue;
        }
        for (int plane = 0; plane < head.count; plane++) {
            const float *samples = head.planes[plane];
            uint32_t word = 0;
            for (int byte = 0; byte < 4; byte++) {
                uint32_t value = (uint32_t)head.zero;
                if (y >= 0 && y < head.aligned_height && x + byte >= 0 && x + byte < head.aligned_width) {
                    const int column = min(x + byte, head.width - 1), row = min(y, head.height - 1);
                    value = samples == nullptr ? (uint32_t)head.bytes[plane] : quantiser(samples[row * head.width + column]);
                }
                word |= value << (8 * byte);
            }
            seen[plane * count + at] = word;
        }
    }
}

template <int C> __device__ __forceinline__ void head_of(const Head &head) {
    const Lane<C> lane;
    const int x0 = blockIdx.x * HEAD_WIDTH, y0 = blockIdx.y * HEAD_HEIGHT;
    const int width = head.aligned_width / 2, height = head.aligned_height / 2;
    uint8_t *pixels = reinterpret_cast<uint8_t *>(shared_words);
    uint32_t *seen = reinterpret_cast<uint32_t *>(pixels + HEAD_WIDTH * HEAD_HEIGHT * C);
    see(head, 2 * x0 - SEEN_LEFT, 2 * y0 - 1, seen);
    const int steps = (head.count + 1) / 2, pitch = SEEN_PITCH / 4;
    const Convolution of = {head.head, {0.0f, 0.0f, 0}};
    // Steps that there are not are not made.
    const Own<(PLANES + 1) / 2> own(of, 2 * Lane<C>::GROUPS, 2 * lane.group, lane.channel);
    // A row of a window is four bytes from an odd place on, and the lane's is that of its quarter.
    const int start = 2 * lane.pixel + SEEN_LEFT - 1;
    const uint32_t *window = seen + lane.quarter * pitch + start / 4;
    __syncthreads();
    for (int tile = lane.warp; tile < HEAD_HEIGHT * HEAD_WIDTH / 16; tile += lane.warps) {
        __syncwarp();
        const int y = tile / (HEAD_WIDTH / 16), x = tile % (HEAD_WIDTH / 16) * 16;
        const uint32_t *words = window + 2 * y * pitch + x / 2;
        int sums[2][4];
        own.begin(sums);
#pragma unroll
        for (int step = 0; step < (PLANES + 1) / 2; step++) {
            if (step >= steps) continue;
            // A step is two planes; where there is but one more, the other has no weights.
            uint32_t bytes[4];
#pragma unroll
            for (int part = 0; part < 4; part++) {
                const uint32_t *two = words + (2 * step + part / 2) * SEEN_HEIGHT * pitch + part % 2 * 4;
                bytes[part] = __funnelshift_r(two[0], two[1], start % 4 * 8);
            }
            own.add(sums, bytes, step);
        }
#pragma unroll
        for (int which = 0; which < 2; which++) {
            const int inside = x + lane.pixel + 8 * which;
            const uint32_t bytes = own.bytes(sums, which, 0u);
            *held<C>(pixels, y * HEAD_WIDTH + inside, lane) = bytes;
            if (x0 + inside < width && y0 + y < height) *held<C>(head.rectified, width, y0 + y, x0 + inside, lane) = bytes;
        }
    }
    if (head.coarse == nullptr) return;
    // Four taps of C bytes.
    const int down_steps = C / 8;
    const Convolution below = {head.down, {0.0f, 0.0f, 0}};
    const Own<down_steps> down(below, 2 * Lane<C>::GROUPS, 2 * lane.group, lane.channel);
    __syncthreads();
    for (int row = lane.warp; row < HEAD_HEIGHT / 2; row += lane.warps) {
        __syncwarp();
        int sums[2][4];
        down.begin(sums);
#pragma unroll
        for (int step = 0; step < down_steps; step++) {
            uint32_t bytes[4];
            const int matrix = lane.lane / 8, tap = C == 16 ? 2 * step + matrix / 2 : step;
            const int column = matrix % 2 * 8 + lane.lane % 8;
            const int at = (2 * row + tap / 2) * HEAD_WIDTH + 2 * column + tap % 2;
            load_rows(bytes, pixels + place<C>(at, matrix / 2));
            down.add(sums, bytes, step);
        }
#pragma unroll
        for (int which = 0; which < 2; which++) {
            const int x = x0 / 2 + lane.pixel + 8 * which, y = y0 / 2 + row;
            if (x < width / 2 && y < height / 2) *held<C>(head.coarse, width / 2, y, x, lane) = down.bytes(sums, which, 0u);
        }
    }
}

// Copies a region of an image to shared memory, zeros beyond it: a row a warp.
template <int C> __device__ __forceinline__ void fetch(const uint8_t *image, const Region &region, uint8_t *pixels) {
    const int parts = C / 16, lane = threadIdx.x % 32;
    for (int row = threadIdx.x / 32; row < region.rows; row += blockDim.x / 32) {
        const int start = ((region.top + row) * region.width + region.left) * parts;
        for (int at = lane; at < region.pitch * parts; at += 32) {
            const int column = at / parts, half = at % parts;
            uint4 value = make_uint4(0u, 0u, 0u, 0u);
            if (region.has(row, column)) value = reinterpret_cast<const uint4 *>(image)[start + at];
            *reinterpret_cast<uint4 *>(pixels + place<C>(row * region.pitch + column, half)) = value;
        }
    }
}

// All layers on a region, from `here` on, by turns in two places; where the last one is, once all have come here.
template <int C>
__device__ __forceinline__ uint8_t *all(uint8_t *here, const Region &region, int count, const Convolution *layers) {
    uint8_t *there = here + (region.pitch * region.rows + SLACK) * C;
    for (int index = 0; index < count; index++) {
        convolve<C>(here, there, region, index + 1, layers[index]);
        uint8_t *other = here;
        here = there;
        there = other;
    }
    __syncthreads();
    return here;
}

template <int C> __device__ __forceinline__ void chain_of(const Chain &chain) {
    const int halo = chain.count, pitch = chain.tile_width + 2 * halo, parts = C / 16;
    const Region region = {
        (int)blockIdx.x * chain.tile_width - halo, (int)blockIdx.y * chain.tile_height - halo,
        pitch, chain.tile_height + 2 * halo, chain.width, chain.height,
    };
    uint8_t *here = reinterpret_cast<uint8_t *>(shared_words);
    fetch<C>(chain.from, region, here);
    here = all<C>(here, region, chain.count, chain.layers);
    for (int row = halo + threadIdx.x / 32; row < halo + chain.tile_height; row += blockDim.x / 32) {
        const int start = ((region.top + row) * region.width + region.left) * parts;
        for (int at = halo * parts + threadIdx.x % 32; at < (halo + chain.tile_width) * parts; at += 32) {
            const int column = at / parts, half = at % parts;
            if (!region.has(row, column)) continue;
            reinterpret_cast<uint4 *>(chain.to)[start + at] =
                *reinterpret_cast<const uint4 *>(here + place<C>(row * pitch + column, half));
        }
    }
}

// The way up from the coarse branch, added to what the head gave. A coarse pixel stands for four, of which a warp
// makes one.
template <int C>
__device__ __forceinline__ void rise(const Tail &tail, const Region &region, uint8_t *pixels) {
    const Lane<C> lane;
    const int sub = lane.warp % 4, first = lane.warp / 4, step = lane.warps / 4;
    const Own<1> own(tail.up, 2 * 4 * Lane<C>::GROUPS, 2 * (sub * Lane<C>::GROUPS + lane.group), sub * C + lane.channel);
    const int columns = region.pitch / 2, count = columns * (region.rows / 2);
    const unsigned magic = 0xffffffffu / (unsigned)columns + 1u;
    const bool is_inside = region.is_inside();
    // Of the region's first pixel.
    const int coarse = (region.top / 2 * (tail.width / 2) + region.left / 2) * C + 4 * lane.quarter;
    const int around = (region.top * tail.width + region.left) * C + lane.channel;
    for (int tile = first * 16; tile < count; tile += step * 16) {
        __syncwarp();
        // Bytes of the lane's two coarse pixels: 16 of 32 where there are 16 channels.
        uint32_t bytes[4] = {0u, 0u, 0u, 0u};
        uint32_t skips[2] = {0u, 0u};
        int places[2];
        bool are_there[2];
#pragma unroll
        for (int which = 0; which < 2; which++) {
            const int at = tile + lane.pixel + 8 * which;
            const int row = (int)__umulhi((unsigned)at, magic), column = at - row * columns;
            const int inner_row = 2 * row + sub / 2, inner_column = 2 * column + sub % 2;
            places[which] = at < count ? inner_row * region.pitch + inner_column : -1;
            are_there[which] = at < count && (is_inside || region.has(inner_row, inner_column));
            if (are_there[which]) {
                const uint8_t *pixel = tail.coarse + (unsigned)(coarse + (row * (tail.width / 2) + column) * C);
                bytes[which] = *reinterpret_cast<const uint32_t *>(pixel);
                if (C == 32) bytes[2 + which] = *reinterpret_cast<const uint32_t *>(pixel + 16);
                skips[which] = *reinterpret_cast<const uint32_t *>(
                    tail.rectified + (unsigned)(around + (inner_row * tail.width + inner_column) * C)
                );
            }
        }
        __syncwarp();
        int sums[2][4];
        own.begin(sums);
        own.add(sums, bytes, 0);
#pragma unroll
        for (int which = 0; which < 2; which++) {
            if (places[which] >= 0)
                *held<C>(pixels, places[which], lane) = are_there[which] ? own.bytes(sums, which, skips[which]) : 0u;
        }
    }
}

// The last convolution: four channels, of which a thread of the first two quarters holds two, a row of the plane.
template <int C>
__device__ __forceinline__ void finish(const Tail &tail, const Region &region, int halo, const uint8_t *pixels) {
    const int lane = threadIdx.x % 32, quarter = lane % 4;
    const Window<C> window(region.pitch);
    uint32_t weights[Window<C>::STEPS][2];
#pragma unroll
    for (int step = 0; step < Window<C>::STEPS; step++)
#pragma unroll
        for (int half = 0; half < 2; half++) weights[step][half] = tail.last.weights[(step * 2 + half) * 32 + lane];
    const int bias[2] = {tail.last.bias[2 * quarter], tail.last.bias[2 * quarter + 1]};
    const float multiplier[2] = {tail.last.multiplier[2 * quarter], tail.last.multiplier[2 * quarter + 1]};
    const int across = tail.tile_width / 16;
    const bool are_pairs = tail.plane_width % 2 == 0;
    for (int tile = threadIdx.x / 32; tile < across * tail.tile_height; tile += blockDim.x / 32) {
        __syncwarp();
        const int y = halo + tile / across, x = halo + tile % across * 16;
        int sums[4] = {bias[0], bias[1], bias[0], bias[1]};
#pragma unroll
        for (int step = 0; step < Window<C>::STEPS; step++) {
            uint32_t bytes[4];
            window.load(bytes, pixels, y * region.pitch + x, step);
            multiply(sums, bytes, weights[step]);
        }
        const int row = 2 * (region.top + y) + quarter;
        if (quarter > 1 || row >= tail.plane_height) continue;
#pragma unroll
        for (int which = 0; which < 2; which++) {
            float samples[2];
#pragma unroll
            for (int at = 0; at < 2; at++) {
                const float steps = requantised(sums[2 * which + at], multiplier[at], -tail.zero, 255.0f - tail.zero);
                samples[at] = __fmul_rn(steps, tail.scale);
            }
            const int column = 2 * (region.left + x + lane / 4 + 8 * which);
            float *place = tail.plane + (unsigned)(row * tail.plane_width + column);
            if (are_pairs && column < tail.plane_width) {
                *reinterpret_cast<float2 *>(place) = make_float2(samples[0], samples[1]);
            } else {
                for (int at = 0; at < 2; at++)
                    if (column + at < tail.plane_width) place[at] = samples[at];
            }
        }
    }
}

template <int C> __device__ __forceinline__ void tail_of(const Tail &tail) {
    // Even, since a coarse pixel stands for two rows of two.
    const int halo = (tail.count + 2) / 2 * 2, pitch = tail.tile_width + 2 * halo, rows = tail.tile_height + 2 * halo;
    const Region region = {
        (int)blockIdx.x * tail.tile_width - halo, (int)blockIdx.y * tail.tile_height - halo, pitch, rows, tail.width,
        tail.height,
    };
    uint8_t *here = reinterpret_cast<uint8_t *>(shared_words);
    if (tail.coarse == nullptr) {
        fetch<C>(tail.rectified, region, here);
    } else {
        rise<C>(tail, region, here);
    }
    here = all<C>(here, region, tail.count, tail.layers);
    finish<C>(tail, region, halo, here);
}

extern "C" __global__ void __launch_bounds__(256, 2) head16(const Head head) { head_of<16>(head); }
extern "C" __global__ void __launch_bounds__(256, 2) head32(const Head head) { head_of<32>(head); }
extern "C" __global__ void __launch_bounds__(512, 1) chain16(const Chain chain) { chain_of<16>(chain); }
extern "C" __global__ void __launch_bounds__(512, 1) chain32(const Chain chain) { chain_of<32>(chain); }
extern "C" __global__ void __launch_bounds__(512, 1) tail16(const Tail tail) { tail_of<16>(tail); }
extern "C" __global__ void __launch_bounds__(512, 1) tail32(const Tail tail) { tail_of<32>(tail); }
