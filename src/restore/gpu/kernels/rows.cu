// Rows of filters of real planes in frequency, as src/fft does it on processors.
//
//   rows_forward   two real rows in one complex transform, told apart     -> spectrum
//   rows_back      two rows put together, transformed back, layers added up -> plane
//
// A spectrum lies in blocks of 2^shift neighbouring columns: [block][row][column of the block], so that
// the columns of a block are one piece of memory.

#include "transform.cuh"

// What rows are made of: `first`, or, where there is a `before`, first + (before - known x_w).
struct Load {
    const float *first, *before, *x_w;
    float known, scale;
};

// Weights of a layer: given in some rows, linear between them; none for the first layer.
struct Weights {
    const float *knots;
    const int *knot;
    const float *share;
};

// Where filtered samples go.
struct Store {
    // Layers, and the spectra of all but their first one.
    int first_layer, layers;
    float *plane;
    // Added to what is filtered; null where nothing is.
    const float *x_w;
};

struct Outputs {
    Store store[2];
    Weights weights[16];
};

// As src/restore/gpu/driver/layout.rs says.
static_assert(sizeof(Plan) == 268 && sizeof(Load) == 32 && sizeof(Layers) == 384 && sizeof(Outputs) == 432, "");

// Two rows of a plane, as the real and the imaginary parts of one.
struct Rows {
    const Load &load;
    int start, width, apart;
    bool is_pair;

    template <int R> __device__ __forceinline__ void give(int at, float2 *v) const {
#pragma unroll
        for (int part = 0; part < R; part++) {
            const float *sample = load.first + (start + at + part * apart);
            v[part] = make_float2(sample[0], is_pair ? sample[width] : 0.0f);
        }
        if (load.before != nullptr) {
            const auto add = [&](const float *plane, float share) {
                float2 more[R];
#pragma unroll
                for (int part = 0; part < R; part++) {
                    const float *sample = plane + (start + at + part * apart);
                    more[part] = make_float2(sample[0], is_pair ? sample[width] : 0.0f);
                }
#pragma unroll
                for (int part = 0; part < R; part++) v[part] = v[part] + share * more[part];
            };
            add(load.before, 1.0f);
            add(load.x_w, -load.known);
        }
#pragma unroll
        for (int part = 0; part < R; part++) v[part] = load.scale * v[part];
    }
};

// Where a column of a spectrum is.
struct Columns {
    int row, height, shift;
    __device__ __forceinline__ int operator()(int column) const {
        return (((column >> shift) * height + row) << shift) + (column & ((1 << shift) - 1));
    }
};

// The last pass of rows. Of two rows in one transform, coefficient `c` and its partner `length - c` tell those of each
// row; a thread makes both, the butterflies of a frequency and of what is left to the span.
template <int R>
__device__ __forceinline__ void told_apart(
    const float2 *from, float2 *__restrict__ spectrum, const float2 *__restrict__ table, const Plan &plan,
    const Columns &columns, bool is_pair
) {
    const Pass &pass = plan.pass[plan.passes - 1];
    const int span = pass.span, length = plan.length, apart = pass.before;
    __syncthreads();
    for (int at = threadIdx.x; at <= span / 2; at += blockDim.x) {
        const int mirrored = at == 0 ? 0 : span - at;
        float2 own[R], other[R], w[R];
        fetch<R>(w, table, pass, at);
#pragma unroll
        for (int part = 0; part < R; part++) own[part] = from[at + part * apart];
        twiddle<R>(own, w);
        dft<R>(own);
        fetch<R>(w, table, pass, mirrored);
#pragma unroll
        for (int part = 0; part < R; part++) other[part] = from[mirrored + part * apart];
        twiddle<R>(other, w);
        dft<R>(other);
#pragma unroll
        for (int part = 0; part < R; part++) {
            const int column = at + part * span;
            const bool is_beyond = 2 * column > length;
            const float2 partner = at == 0 ? other[(R - part) % R] : other[R - 1 - part];
            const float sign = is_beyond ? -1.0f : 1.0f;
            const int place = columns(is_beyond ? length - column : column);
            spectrum[place] = make_float2(own[part].x + partner.x, sign * (own[part].y - partner.y));
            if (is_pair)
                spectrum[place + (1 << columns.shift)] =
                    make_float2(own[part].y + partner.y, sign * (partner.x - own[part].x));
        }
    }
}

// A block a pair of rows.
extern "C" __global__ void __launch_bounds__(256, 2) rows_forward(
    const Plan plan, const float2 *__restrict__ table, const Load load, float2 *__restrict__ spectrum, int height,
    int shift
) {
    const int row = 2 * blockIdx.x;
    const bool is_pair = row + 1 < height;
    Buffers buffers = {memory, memory + plan.room};
    first(Rows{load, row * plan.length, plan.length, plan.pass[0].count, is_pair}, buffers.here, plan, 0);
    all_inner<false>(buffers, table, plan, 0);
#define WORK(R) told_apart<R>(buffers.here, spectrum, table, plan, Columns{row, height, shift}, is_pair)
    OF_ANY_LAST(WORK, plan.pass[plan.passes - 1].radix);
#undef WORK
}

// The first pass back of rows: of two rows' coefficients, one of both put together and its partner.
template <int R>
__device__ __forceinline__ void put_together(
    const float2 *__restrict__ spectrum, float2 *to, const float2 *__restrict__ table, const Plan &plan,
    const Columns &columns, bool is_pair
) {
    const Pass &pass = plan.pass[plan.passes - 1];
    const int span = pass.span, length = plan.length, apart = pass.before;
    for (int at = threadIdx.x; at <= span / 2; at += blockDim.x) {
        const int mirrored = span - at;
        float2 own[R], other[R], w[R];
#pragma unroll
        for (int part = 0; part < R; part++) {
            const int column = at + part * span;
            const bool is_beyond = 2 * column > length;
            const int place = columns(is_beyond ? length - column : column);
            const float2 a = spectrum[place];
            const float2 b = is_pair ? spectrum[place + (1 << columns.shift)] : make_float2(0.0f, 0.0f);
            // a + i b and conj(a) + i conj(b), their parts having changed places.
            const float2 both = make_float2(a.y + b.x, a.x - b.y), partner = make_float2(b.x - a.y, a.x + b.y);
            own[part] = is_beyond ? partner : both;
            other[R - 1 - part] = is_beyond ? both : partner;
        }
        fetch<R>(w, table, pass, at);
        dft<R>(own);
        twiddle<R>(own, w);
#pragma unroll
        for (int part = 0; part < R; part++) to[at + part * apart] = own[part];
        if (at == 0 || at == mirrored) continue;
        fetch<R>(w, table, pass, mirrored);
        dft<R>(other);
        twiddle<R>(other, w);
#pragma unroll
        for (int part = 0; part < R; part++) to[mirrored + part * apart] = other[part];
    }
}

// Takes the samples of a layer of two rows, which have changed places.
struct Rising {
    const Store &store;
    const Weights &weights;
    float2 *sums;
    int row, width, height, apart;
    bool is_first, is_last;

    __device__ __forceinline__ float weight(int x, int y) const {
        const float *knots = weights.knots + weights.knot[y] * width + x;
        const float share = weights.share[y];
        return share == 0.0f ? knots[0] : knots[0] + share * (knots[width] - knots[0]);
    }

    template <int R> __device__ __forceinline__ void take(int at, const float2 *v) const {
        const bool is_pair = row + 1 < height;
        float2 around[R];
#pragma unroll
        for (int part = 0; part < R; part++) {
            const int place = row * width + at + part * apart;
            const bool is_added = is_last && store.x_w != nullptr;
            around[part] = make_float2(
                is_added && is_pair ? store.x_w[place + width] : 0.0f, is_added ? store.x_w[place] : 0.0f
            );
        }
#pragma unroll
        for (int part = 0; part < R; part++) {
            const int x = at + part * apart;
            float2 value = v[part];
            if (!is_first) {
                const float2 sum = sums[x];
                value.y = sum.y + weight(x, row) * value.y;
                if (is_pair) value.x = sum.x + weight(x, row + 1) * value.x;
            }
            if (!is_last) {
                sums[x] = value;
                continue;
            }
            value = value + around[part];
            float *place = store.plane + (row * width + x);
            place[0] = value.y;
            if (is_pair) place[width] = value.x;
        }
    }
};

// A block a pair of rows and an output.
extern "C" __global__ void __launch_bounds__(256, 2) rows_back(
    const Plan plan, const float2 *__restrict__ table, const Layers layers, const Outputs outputs, int height,
    int shift
) {
    const Store &store = outputs.store[blockIdx.y];
    const int row = 2 * blockIdx.x;
    for (int index = 0; index < store.layers; index++) {
        const float2 *spectrum = layers.layer[store.first_layer + index].product;
        Buffers buffers = {memory, memory + plan.room};
        if (index > 0) __syncthreads();
#define WORK(R) put_together<R>(spectrum, buffers.here, table, plan, Columns{row, height, shift}, row + 1 < height)
        OF_ANY_LAST(WORK, plan.pass[plan.passes - 1].radix);
#undef WORK
        all_inner<true>(buffers, table, plan, 0);
        __syncthreads();
        const Rising rising = {
            store, outputs.weights[store.first_layer + index], memory + 2 * plan.room, row, plan.length, height,
            plan.pass[0].count, index == 0, index + 1 == store.layers,
        };
        end(buffers.here, rising, plan, 0);
    }
}
