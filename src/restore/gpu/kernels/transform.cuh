// Transforms of lines of samples in shared memory, as rows.cu and columns.cu use them.
//
// Transforms are Stockham's (Van Loan, "Computational frameworks for the fast Fourier transform", 1992, section 1.7): few
// passes of large radices between two buffers of shared memory, in natural order before and behind. The matrix of a
// Fourier transform is its own transpose, so the same passes transposed, the last one first, transform as well: a way
// back begins in the places where the way there has ended. A transform back is one forward of samples whose real and
// imaginary parts have changed places, and so has its result.

#ifdef STAND_IN
#include "stand_in.h"
#endif

#include "dft.cuh"

// One pass of a transform: butterflies of `radix` samples, behind passes whose radices multiply to `span`. Butterfly
// `at` is frequency `at % span` of group `at / span`. Before the pass part `p` of it lies at
// (group + p groups) before + frequency of shared memory, behind it at group behind + p span + frequency.
struct Pass {
    int radix;
    int span;
    // Butterflies, and groups of them.
    int count, groups;
    // From group to group: a little more than they have, so that neighbours are in different banks.
    int before, behind;
    // Where its twiddles begin in the table: [part][frequency], but for part 0, whose are 1.
    int twiddles;
    // 2^32 / span, rounded up.
    unsigned magic;
};

// Two passes or more; the radix of the last one may be 1.
struct Plan {
    int length;
    int passes;
    // Samples that a buffer has room for.
    int room;
    Pass pass[8];
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

// Whether passes of that radix are needed: what is not is taken out when the program is loaded, see
// src/restore/gpu/driver/device.rs. `PLACE`: 0 for first passes, 1 for those between, 2 for last ones.
#ifdef STAND_IN
template <int PLACE, int R> inline bool has() { return true; }
#else
template <int PLACE, int R> __device__ __forceinline__ bool has() {
    int is;
    asm("mov.s32 %0, HAS_%1_%2;" : "=r"(is) : "n"(PLACE), "n"(R));
    return is;
}
#endif

// Does `WORK(radix)` for the radix of a pass.
#define OF_RADIX(WORK, PLACE, R) if (has<PLACE, R>() && radix == R) { WORK(R); }
#define OF_ANY_RADIX(WORK, PLACE, of) \
    do { \
        const int radix = of; \
        OF_RADIX(WORK, PLACE, 16) OF_RADIX(WORK, PLACE, 14) OF_RADIX(WORK, PLACE, 12) OF_RADIX(WORK, PLACE, 10) \
        OF_RADIX(WORK, PLACE, 9) OF_RADIX(WORK, PLACE, 8) OF_RADIX(WORK, PLACE, 7) OF_RADIX(WORK, PLACE, 6) \
        OF_RADIX(WORK, PLACE, 5) OF_RADIX(WORK, PLACE, 4) OF_RADIX(WORK, PLACE, 3) OF_RADIX(WORK, PLACE, 2) \
        OF_RADIX(WORK, PLACE, 1) \
    } while (false)
#define OF_ANY_LAST(WORK, of) \
    do { \
        const int radix = of; \
        OF_RADIX(WORK, 2, 9) OF_RADIX(WORK, 2, 8) OF_RADIX(WORK, 2, 7) OF_RADIX(WORK, 2, 6) \
        OF_RADIX(WORK, 2, 5) OF_RADIX(WORK, 2, 4) OF_RADIX(WORK, 2, 3) OF_RADIX(WORK, 2, 2) OF_RADIX(WORK, 2, 1) \
    } while (false)

// Twiddles of a butterfly of that frequency.
template <int R>
__device__ __forceinline__ void fetch(float2 *w, const float2 *__restrict__ table, const Pass &pass, int frequency) {
#pragma unroll
    for (int part = 1; part < R; part++) w[part] = table[pass.twiddles + (part - 1) * pass.span + frequency];
}

template <int R> __device__ __forceinline__ void twiddle(float2 *v, const float2 *w) {
#pragma unroll
    for (int part = 1; part < R; part++) v[part] = product(v[part], w[part]);
}

// Where a butterfly of a pass is: 2^shift transforms lie side by side, sample after sample.
struct Butterfly {
    int lane, group, frequency;
    __device__ __forceinline__ Butterfly(int at, const Pass &pass, int shift) {
        const int own = at >> shift;
        lane = at & ((1 << shift) - 1);
        group = (int)__umulhi((unsigned)own, pass.magic);
        frequency = own - group * pass.span;
    }
    // Of its part 0, before the pass and behind it, and from part to part.
    __device__ __forceinline__ int before(const Pass &pass, int shift) const {
        return ((group * pass.before + frequency) << shift) + lane;
    }
    __device__ __forceinline__ int behind(const Pass &pass, int shift) const {
        return ((group * pass.behind + frequency) << shift) + lane;
    }
};
__device__ __forceinline__ int apart_before(const Pass &pass, int shift) { return (pass.groups * pass.before) << shift; }
__device__ __forceinline__ int apart_behind(const Pass &pass, int shift) { return pass.span << shift; }

// A pass between the first and the last one, or the same transposed. Twiddles are on their way while others are
// still at work.
template <int R, bool IS_BACK>
__device__ __forceinline__ void inner(
    const float2 *from, float2 *to, const float2 *__restrict__ table, const Pass &pass, int shift
) {
    const int count = pass.count << shift;
    const int near = IS_BACK ? apart_behind(pass, shift) : apart_before(pass, shift);
    const int far = IS_BACK ? apart_before(pass, shift) : apart_behind(pass, shift);
    float2 v[R], w[R];
    int at = threadIdx.x;
    if (at < count) fetch<R>(w, table, pass, Butterfly(at, pass, shift).frequency);
    __syncthreads();
    while (at < count) {
        const Butterfly own(at, pass, shift);
        const int first = IS_BACK ? own.behind(pass, shift) : own.before(pass, shift);
        const int last = IS_BACK ? own.before(pass, shift) : own.behind(pass, shift);
#pragma unroll
        for (int part = 0; part < R; part++) v[part] = from[first + part * near];
        if (!IS_BACK) twiddle<R>(v, w);
        dft<R>(v);
        if (IS_BACK) twiddle<R>(v, w);
#pragma unroll
        for (int part = 0; part < R; part++) to[last + part * far] = v[part];
        at += blockDim.x;
        if (at < count) fetch<R>(w, table, pass, Butterfly(at, pass, shift).frequency);
    }
}

// The buffers of a block: what is in the one, and where it goes next.
struct Buffers {
    float2 *here, *there;
    __device__ __forceinline__ void change() {
        float2 *other = here;
        here = there;
        there = other;
    }
};

// All passes between the first and the last one, there or back.
template <bool IS_BACK>
__device__ __forceinline__ void all_inner(Buffers &buffers, const float2 *table, const Plan &plan, int shift) {
    for (int index = 1; index < plan.passes - 1; index++) {
        const Pass &pass = plan.pass[IS_BACK ? plan.passes - 1 - index : index];
#define WORK(R) inner<R, IS_BACK>(buffers.here, buffers.there, table, pass, shift)
        OF_ANY_RADIX(WORK, 1, pass.radix);
#undef WORK
        buffers.change();
    }
}

// The first pass, of samples that `from(butterfly, samples)` gives.
template <int R, class From>
__device__ __forceinline__ void first_of(const From &from, float2 *to, const Pass &pass, int shift) {
    const int count = pass.count << shift;
    for (int at = threadIdx.x; at < count; at += blockDim.x) {
        float2 v[R];
        from.template give<R>(at, v);
        dft<R>(v);
        const int start = ((at >> shift) * pass.behind << shift) + (at & ((1 << shift) - 1));
#pragma unroll
        for (int part = 0; part < R; part++) to[start + (part << shift)] = v[part];
    }
}

template <class From> __device__ __forceinline__ void first(const From &from, float2 *to, const Plan &plan, int shift) {
#define WORK(R) first_of<R>(from, to, plan.pass[0], shift)
    OF_ANY_RADIX(WORK, 0, plan.pass[0].radix);
#undef WORK
}

// The same transposed, which is the last one of a way back: `to` takes.
template <int R, class To>
__device__ __forceinline__ void end_of(const float2 *from, const To &to, const Pass &pass, int shift) {
    const int count = pass.count << shift;
    for (int at = threadIdx.x; at < count; at += blockDim.x) {
        float2 v[R];
        const int start = ((at >> shift) * pass.behind << shift) + (at & ((1 << shift) - 1));
#pragma unroll
        for (int part = 0; part < R; part++) v[part] = from[start + (part << shift)];
        dft<R>(v);
        to.template take<R>(at, v);
    }
}

template <class To> __device__ __forceinline__ void end(const float2 *from, const To &to, const Plan &plan, int shift) {
#define WORK(R) end_of<R>(from, to, plan.pass[0], shift)
    OF_ANY_RADIX(WORK, 0, plan.pass[0].radix);
#undef WORK
}

extern __shared__ float2 memory[];
