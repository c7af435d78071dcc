// Columns of filters of real planes in frequency: transformed, multiplied by the factors of a layer, transformed back.
//
// A spectrum lies in blocks of 2^shift neighbouring columns: [block][row][column of the block], so that
// the columns of a block are one piece of memory.

#include "transform.cuh"

// As src/restore/gpu/driver/layout.rs says.
static_assert(sizeof(Plan) == 268 && sizeof(Layers) == 384, "");

// Columns of a block, and where they go.
struct Block {
    const float2 *from;
    float2 *to;
    int apart;

    template <int R> __device__ __forceinline__ void give(int at, float2 *v) const {
#pragma unroll
        for (int part = 0; part < R; part++) v[part] = from[at + part * apart];
    }
    template <int R> __device__ __forceinline__ void take(int at, const float2 *v) const {
#pragma unroll
        for (int part = 0; part < R; part++) to[at + part * apart] = make_float2(v[part].y, v[part].x);
    }
};

// The last pass of a transform, the product with factors, and the first pass of the way back, of what lies in the
// same places.
template <int R>
__device__ __forceinline__ void turn(
    float2 *samples, const Layer &layer, int start, const float2 *__restrict__ table, const Pass &pass, int shift
) {
    const int count = pass.count << shift, apart = pass.before << shift;
    float2 v[R], w[R], factor[R];
    int at = threadIdx.x;
    const auto look = [&](int at) {
        fetch<R>(w, table, pass, at >> shift);
        if (layer.is_complex) {
#pragma unroll
            for (int part = 0; part < R; part++)
                factor[part] = reinterpret_cast<const float2 *>(layer.factors)[start + at + part * count];
        } else {
#pragma unroll
            for (int part = 0; part < R; part++) factor[part] = make_float2(layer.factors[start + at + part * count], 0.0f);
        }
    };
    if (at < count) look(at);
    __syncthreads();
    while (at < count) {
#pragma unroll
        for (int part = 0; part < R; part++) v[part] = samples[at + part * apart];
        twiddle<R>(v, w);
        dft<R>(v);
#pragma unroll
        for (int part = 0; part < R; part++) {
            const float2 filtered = product(v[part], factor[part]);
            v[part] = make_float2(filtered.y, filtered.x);
        }
        dft<R>(v);
        twiddle<R>(v, w);
#pragma unroll
        for (int part = 0; part < R; part++) samples[at + part * apart] = v[part];
        at += blockDim.x;
        if (at < count) look(at);
    }
}

// A block of threads a block of columns and a layer.
extern "C" __global__ void __launch_bounds__(512, 1) columns(
    const Plan plan, const float2 *__restrict__ table, const float2 *__restrict__ spectrum, const Layers layers,
    int shift
) {
    const Layer &layer = layers.layer[blockIdx.y];
    const int start = blockIdx.x * (plan.length << shift);
    const Block block = {spectrum + start, layer.product + start, plan.pass[0].count << shift};
    Buffers buffers = {memory, memory + (plan.room << shift)};
    first(block, buffers.here, plan, shift);
    all_inner<false>(buffers, table, plan, shift);
    const Pass &last = plan.pass[plan.passes - 1];
#define WORK(R) turn<R>(buffers.here, layer, start, table, last, shift)
    OF_ANY_LAST(WORK, last.radix);
#undef WORK
    all_inner<true>(buffers, table, plan, shift);
    __syncthreads();
    end(buffers.here, block, plan, shift);
}
