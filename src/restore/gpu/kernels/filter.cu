// Filters of real planes in frequency: rows, columns, rows, as src/fft does it on processors.
//
//   rows_forward   two real rows in one complex transform, told apart     -> spectrum
//   columns        transformed, multiplied by the factors of a layer, transformed back
//   rows_back      two rows put together, transformed back, layers added up -> plane
//
// A spectrum lies in blocks of 2^shift neighbouring columns: [block][row][column of the block], so that
// the columns of a block are one piece of memory. Transforms are Stockham's (Van Loan, "Computational
// frameworks for the fast Fourier transform", 1992, section 1.7): passes between two buffers of shared
// memory, in natural order before and behind. A transform back is one forward of samples whose real and
// imaginary parts have changed places, and so has its result.

#ifdef STAND_IN
#include "stand_in.h"
#endif

// One pass of a transform: butterflies of `radix` samples, behind passes whose radices multiply to `span`.
struct Pass {
    int radix;
    int span;
    // Butterflies.
    int count;
    // Where its twiddles begin in the table: [part][frequency], but for part 0, whose are 1.
    int twiddles;
    // 2^32 / span, rounded up.
    unsigned magic;
};

// The first and the last pass have the same radix: 8, 4, 2 or, where the length is not even twice, 1.
struct Plan {
    int length;
    int passes;
    Pass pass[12];
};

// What rows are made of: `first`, or, where there is a `before`, first + (before - known x_w).
struct Load {
    const float *first, *before, *x_w;
    float known, scale;
};

// A layer of a filter: its factors, real or complex, [block][row][column of the block].
struct Layer {
    const float *factors;
    float2 *product;
    int is_complex;
};

struct Layers {
    Layer layer[16];
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
static_assert(sizeof(Plan) == 248 && sizeof(Load) == 32 && sizeof(Layers) == 384 && sizeof(Outputs) == 432, "");

__device__ __forceinline__ float2 operator+(float2 a, float2 b) { return make_float2(a.x + b.x, a.y + b.y); }
__device__ __forceinline__ float2 operator-(float2 a, float2 b) { return make_float2(a.x - b.x, a.y - b.y); }
__device__ __forceinline__ float2 operator*(float a, float2 b) { return make_float2(a * b.x, a * b.y); }
__device__ __forceinline__ float2 product(float2 a, float2 b) {
    return make_float2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}
// -i a
__device__ __forceinline__ float2 turned(float2 a) { return make_float2(a.y, -a.x); }

// Transforms of few samples, in place.
template <int R> __device__ __forceinline__ void dft(float2 *v);

template <> __device__ __forceinline__ void dft<2>(float2 *v) {
    float2 a = v[0], b = v[1];
    v[0] = a + b;
    v[1] = a - b;
}

template <> __device__ __forceinline__ void dft<3>(float2 *v) {
    float2 sum = v[1] + v[2], turn = 0.86602540378443865f * turned(v[1] - v[2]);
    float2 middle = v[0] - 0.5f * sum;
    v[0] = v[0] + sum;
    v[1] = middle + turn;
    v[2] = middle - turn;
}

template <> __device__ __forceinline__ void dft<4>(float2 *v) {
    float2 even = v[0] + v[2], odd = v[1] + v[3], rest = v[0] - v[2], turn = turned(v[1] - v[3]);
    v[0] = even + odd;
    v[1] = rest + turn;
    v[2] = even - odd;
    v[3] = rest - turn;
}

template <> __device__ __forceinline__ void dft<5>(float2 *v) {
    const float c1 = 0.30901699437494742f, c2 = -0.80901699437494742f;
    const float s1 = 0.95105651629515357f, s2 = 0.58778525229247313f;
    float2 p1 = v[1] + v[4], p2 = v[2] + v[3], m1 = turned(v[1] - v[4]), m2 = turned(v[2] - v[3]);
    float2 r1 = v[0] + (c1 * p1 + c2 * p2), r2 = v[0] + (c2 * p1 + c1 * p2);
    float2 i1 = s1 * m1 + s2 * m2, i2 = s2 * m1 - s1 * m2;
    v[0] = v[0] + (p1 + p2);
    v[1] = r1 + i1;
    v[4] = r1 - i1;
    v[2] = r2 + i2;
    v[3] = r2 - i2;
}

template <> __device__ __forceinline__ void dft<7>(float2 *v) {
    const float c1 = 0.62348980185873353f, c2 = -0.22252093395631440f, c3 = -0.90096886790241913f;
    const float s1 = 0.78183148246802981f, s2 = 0.97492791218182361f, s3 = 0.43388373911755812f;
    float2 p1 = v[1] + v[6], p2 = v[2] + v[5], p3 = v[3] + v[4];
    float2 m1 = turned(v[1] - v[6]), m2 = turned(v[2] - v[5]), m3 = turned(v[3] - v[4]);
    float2 r1 = v[0] + (c1 * p1 + (c2 * p2 + c3 * p3));
    float2 r2 = v[0] + (c2 * p1 + (c3 * p2 + c1 * p3));
    float2 r3 = v[0] + (c3 * p1 + (c1 * p2 + c2 * p3));
    float2 i1 = s1 * m1 + (s2 * m2 + s3 * m3);
    float2 i2 = s2 * m1 - (s3 * m2 + s1 * m3);
    float2 i3 = s3 * m1 - (s1 * m2 - s2 * m3);
    v[0] = v[0] + (p1 + (p2 + p3));
    v[1] = r1 + i1;
    v[6] = r1 - i1;
    v[2] = r2 + i2;
    v[5] = r2 - i2;
    v[3] = r3 + i3;
    v[4] = r3 - i3;
}

template <> __device__ __forceinline__ void dft<8>(float2 *v) {
    const float half = 0.70710678118654752f;
    float2 even[4] = {v[0], v[2], v[4], v[6]}, odd[4] = {v[1], v[3], v[5], v[7]};
    dft<4>(even);
    dft<4>(odd);
    odd[1] = product(odd[1], make_float2(half, -half));
    odd[2] = turned(odd[2]);
    odd[3] = product(odd[3], make_float2(-half, -half));
#pragma unroll
    for (int at = 0; at < 4; at++) {
        v[at] = even[at] + odd[at];
        v[at + 4] = even[at] - odd[at];
    }
}

template <> __device__ __forceinline__ void dft<1>(float2 *) {}

// Samples lie one in seventeen apart, so that those a power of two apart are in different banks.
__device__ __forceinline__ int place(int at) { return at + (at >> 4); }

// Samples in shared memory.
struct Shared {
    float2 *samples;
    __device__ __forceinline__ float2 operator()(int at) const { return samples[place(at)]; }
    __device__ __forceinline__ void operator()(int at, float2 value) const { samples[place(at)] = value; }
};

// Multiplies parts by their twiddles.
template <int R>
__device__ __forceinline__ void twiddle(float2 *v, const float2 *__restrict__ table, const Pass &pass, int frequency) {
#pragma unroll
    for (int part = 1; part < R; part++)
        v[part] = product(v[part], table[pass.twiddles + (part - 1) * pass.span + frequency]);
}

// One pass over 2^shift transforms side by side, sample after sample: `from(at)` gives, `to(at, value)` takes.
template <int R, class From, class To>
__device__ __forceinline__ void butterflies(
    const From &from, const To &to, const float2 *__restrict__ table, const Pass &pass, int shift
) {
    const int apart = pass.count << shift, further = pass.span << shift;
    for (int at = threadIdx.x; at < apart; at += blockDim.x) {
        float2 v[R];
#pragma unroll
        for (int part = 0; part < R; part++) v[part] = from(at + part * apart);
        int start = at * R - (at & ((1 << shift) - 1)) * (R - 1);
        if (pass.span > 1) {
            const int butterfly = at >> shift, group = __umulhi((unsigned)butterfly, pass.magic);
            const int frequency = butterfly - group * pass.span;
            twiddle<R>(v, table, pass, frequency);
            start = ((group * pass.span * R + frequency) << shift) + (at & ((1 << shift) - 1));
        }
        dft<R>(v);
#pragma unroll
        for (int part = 0; part < R; part++) to(start + part * further, v[part]);
    }
}

// The first or the last pass.
template <class From, class To>
__device__ __forceinline__ void edge(
    const From &from, const To &to, const float2 *table, const Pass &pass, int shift
) {
    switch (pass.radix) {
    case 8: butterflies<8>(from, to, table, pass, shift); break;
    case 4: butterflies<4>(from, to, table, pass, shift); break;
    case 2: butterflies<2>(from, to, table, pass, shift); break;
    default: butterflies<1>(from, to, table, pass, shift); break;
    }
}

// The passes between the first and the last, of what is in `here`; where it is then.
__device__ __forceinline__ float2 *middle(
    float2 *here, float2 *there, const float2 *table, const Plan &plan, int shift
) {
    for (int index = 1; index < plan.passes - 1; index++) {
        __syncthreads();
        const Pass &pass = plan.pass[index];
        const Shared from = {here}, to = {there};
        switch (pass.radix) {
        case 3: butterflies<3>(from, to, table, pass, shift); break;
        case 5: butterflies<5>(from, to, table, pass, shift); break;
        case 7: butterflies<7>(from, to, table, pass, shift); break;
        case 8: butterflies<8>(from, to, table, pass, shift); break;
        case 4: butterflies<4>(from, to, table, pass, shift); break;
        default: butterflies<2>(from, to, table, pass, shift); break;
        }
        float2 *other = here;
        here = there;
        there = other;
    }
    __syncthreads();
    return here;
}

// The last pass of a transform, what `between` makes of it, and the first pass of the transform back, which sees
// the same samples, of a radix that both have.
template <int R, class Between>
__device__ __forceinline__ void turn(
    const Shared &from, const Shared &to, const Between &between, const float2 *table, const Pass &last, int shift
) {
    const int apart = last.count << shift;
    for (int at = threadIdx.x; at < apart; at += blockDim.x) {
        float2 v[R];
#pragma unroll
        for (int part = 0; part < R; part++) v[part] = from(at + part * apart);
        twiddle<R>(v, table, last, at >> shift);
        dft<R>(v);
#pragma unroll
        for (int part = 0; part < R; part++) v[part] = between(at + part * apart, v[part]);
        dft<R>(v);
        const int lane = at & ((1 << shift) - 1), start = at * R - lane * (R - 1);
#pragma unroll
        for (int part = 0; part < R; part++) to(start + (part << shift), v[part]);
    }
}

// Where a coefficient lies in a spectrum.
__device__ __forceinline__ int coefficient(int column, int row, int height, int shift) {
    return (((column >> shift) * height + row) << shift) + (column & ((1 << shift) - 1));
}

extern __shared__ float2 memory[];

// A block a pair of rows.
extern "C" __global__ void __launch_bounds__(512, 2) rows_forward(
    const Plan plan, const float2 *__restrict__ table, const Load load, float2 *__restrict__ spectrum, int height,
    int shift
) {
    const int width = plan.length, row = 2 * blockIdx.x;
    const bool is_pair = row + 1 < height;
    float2 *here = memory, *there = memory + place(width) + 1;
    const auto sample = [&](int at) {
        float value = load.first[at];
        if (load.before != nullptr) value += load.before[at] - load.known * load.x_w[at];
        return value * load.scale;
    };
    const auto pair = [&](int x) {
        const int at = row * width + x;
        return make_float2(sample(at), is_pair ? sample(at + width) : 0.0f);
    };
    edge(pair, Shared{here}, table, plan.pass[0], 0);
    float2 *inner = middle(here, there, table, plan, 0);
    const Shared both = {inner == here ? there : here};
    edge(Shared{inner}, both, table, plan.pass[plan.passes - 1], 0);
    __syncthreads();
    for (int column = threadIdx.x; column <= width / 2; column += blockDim.x) {
        const float2 own = both(column), partner = both(column == 0 ? 0 : width - column);
        const int at = coefficient(column, row, height, shift);
        spectrum[at] = make_float2(own.x + partner.x, own.y - partner.y);
        if (is_pair) spectrum[at + (1 << shift)] = make_float2(own.y + partner.y, partner.x - own.x);
    }
}

// A block of threads a block of columns and a layer.
extern "C" __global__ void __launch_bounds__(512, 2) columns(
    const Plan plan, const float2 *__restrict__ table, const float2 *__restrict__ spectrum, const Layers layers,
    int shift
) {
    const Layer layer = layers.layer[blockIdx.y];
    const int count = plan.length << shift, start = blockIdx.x * count;
    float2 *here = memory, *there = memory + place(count) + 1;
    const Pass &last = plan.pass[plan.passes - 1];
    edge([&](int at) { return spectrum[start + at]; }, Shared{here}, table, plan.pass[0], shift);
    float2 *inner = middle(here, there, table, plan, shift), *other = inner == here ? there : here;
    // A transform back is one forward of what has changed places.
    const auto filtered = [&](int at, float2 value) {
        const float2 filtered =
            layer.is_complex ? product(value, reinterpret_cast<const float2 *>(layer.factors)[start + at])
                             : layer.factors[start + at] * value;
        return make_float2(filtered.y, filtered.x);
    };
    switch (last.radix) {
    case 8: turn<8>(Shared{inner}, Shared{other}, filtered, table, last, shift); break;
    case 4: turn<4>(Shared{inner}, Shared{other}, filtered, table, last, shift); break;
    case 2: turn<2>(Shared{inner}, Shared{other}, filtered, table, last, shift); break;
    default: turn<1>(Shared{inner}, Shared{other}, filtered, table, last, shift); break;
    }
    inner = middle(other, inner, table, plan, shift);
    const auto keep = [&](int at, float2 value) { layer.product[start + at] = make_float2(value.y, value.x); };
    edge(Shared{inner}, keep, table, last, shift);
}

// A block a pair of rows and an output.
extern "C" __global__ void __launch_bounds__(512, 2) rows_back(
    const Plan plan, const float2 *__restrict__ table, const Layers layers, const Outputs outputs, int height,
    int shift
) {
    const Store &store = outputs.store[blockIdx.y];
    const int width = plan.length, row = 2 * blockIdx.x, room = place(width) + 1;
    const bool is_pair = row + 1 < height;
    float2 *sums = memory + 2 * room;
    for (int index = 0; index < store.layers; index++) {
        const float2 *__restrict__ spectrum = layers.layer[store.first_layer + index].product;
        float2 *here = memory, *there = memory + room;
        // a + i b, or its partner conj(a) + i conj(b), their parts having changed places.
        const auto both = [&](int column) {
            const bool is_partner = 2 * column > width;
            const int at = coefficient(is_partner ? width - column : column, row, height, shift);
            const float2 a = spectrum[at], b = is_pair ? spectrum[at + (1 << shift)] : make_float2(0.0f, 0.0f);
            return is_partner ? make_float2(b.x - a.y, a.x + b.y) : make_float2(a.y + b.x, a.x - b.y);
        };
        const Weights weights = outputs.weights[store.first_layer + index];
        const bool is_last = index + 1 == store.layers;
        // A sample of each row, which have changed places.
        const auto add = [&](int x, float2 value) {
            float *part[2] = {&value.y, &value.x};
#pragma unroll
            for (int which = 0; which < 2; which++) {
                const int y = row + which;
                if (y >= height) continue;
                if (index > 0) {
                    const float *knots = weights.knots + weights.knot[y] * width + x;
                    const float share = weights.share[y];
                    const float weight = share == 0.0f ? knots[0] : knots[0] + share * (knots[width] - knots[0]);
                    *part[which] = (which ? sums[x].x : sums[x].y) + weight * *part[which];
                }
                if (is_last) {
                    const int at = y * width + x;
                    store.plane[at] = store.x_w == nullptr ? *part[which] : store.x_w[at] + *part[which];
                }
            }
            if (!is_last) sums[x] = value;
        };
        __syncthreads();
        edge(both, Shared{here}, table, plan.pass[0], 0);
        float2 *inner = middle(here, there, table, plan, 0);
        edge(Shared{inner}, add, table, plan.pass[plan.passes - 1], 0);
    }
}
