// A stand-in for NVIDIA's driver on machines without a card: the functions that deblurd calls, with kernels that run
// on the processor. What a test asks it to get wrong stands in STAND_IN_FAULT.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "stand_in.h"

thread_local Triple threadIdx, blockIdx, blockDim, gridDim;

// Fibers.
namespace {
const size_t STACK = 64 * 1024;

struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    Triple thread;
    bool is_done;
};

struct Barrier {
    int waiting = 0, generation = 0;
};

struct Block {
    std::vector<Fiber> fibers;
    std::vector<Shown> shown;
    std::vector<Barrier> warps;
    Barrier all;
    ucontext_t scheduler;
    size_t current = 0;
    std::function<void()> kernel;
};

thread_local Block *block = nullptr;

void give_way() {
    Fiber &own = block->fibers[block->current];
    swapcontext(&own.context, &block->scheduler);
    threadIdx = own.thread;
}

void wait_at(Barrier &barrier, int count) {
    const int generation = barrier.generation;
    if (++barrier.waiting == count) {
        barrier.waiting = 0;
        barrier.generation++;
        return;
    }
    while (barrier.generation == generation) give_way();
}

int lanes() { return std::min(32u, blockDim.x - threadIdx.x / 32 * 32); }

void start() {
    block->kernel();
    block->fibers[block->current].is_done = true;
    swapcontext(&block->fibers[block->current].context, &block->scheduler);
}

void run_block(unsigned threads, const std::function<void()> &kernel) {
    Block own;
    block = &own;
    own.kernel = kernel;
    own.fibers.resize(threads);
    own.shown.resize(threads);
    own.warps.resize(threads / 32 + 1);
    for (unsigned at = 0; at < threads; at++) {
        Fiber &fiber = own.fibers[at];
        fiber.stack.resize(STACK);
        fiber.thread = {at, 0, 0};
        fiber.is_done = false;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = STACK;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, start, 0);
    }
    for (bool is_left = true; is_left;) {
        is_left = false;
        for (own.current = 0; own.current < threads; own.current++) {
            Fiber &fiber = own.fibers[own.current];
            if (fiber.is_done) continue;
            is_left = true;
            threadIdx = fiber.thread;
            swapcontext(&own.scheduler, &fiber.context);
        }
    }
    block = nullptr;
}
}  // namespace

void __syncthreads() { wait_at(block->all, (int)blockDim.x); }
void __syncwarp() { wait_at(block->warps[threadIdx.x / 32], lanes()); }
const Shown *show(const Shown &own) {
    // Nobody may show anew before all have seen.
    __syncwarp();
    block->shown[threadIdx.x] = own;
    __syncwarp();
    return &block->shown[threadIdx.x / 32 * 32];
}

namespace rows {
#include "../../src/restore/gpu/kernels/rows.cu"
// One block at a time: as much as a block may have.
float2 memory[32 * 1024];
}  // namespace rows
namespace columns {
#include "../../src/restore/gpu/kernels/columns.cu"
float2 memory[32 * 1024];
}  // namespace columns
namespace residual {
#include "../../src/restore/gpu/kernels/residual.cu"
uint4 shared_words[16 * 1024];
}  // namespace residual

namespace {
enum { SUCCESS = 0, INVALID = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_PTX = 218, NOT_FOUND = 500, ILLEGAL = 700, NEWER = 987 };

bool is_asked_for(const char *fault) {
    const char *asked = getenv("STAND_IN_FAULT");
    return asked != nullptr && strcmp(asked, fault) == 0;
}

using Work = std::function<void()>;
struct Graph {
    std::vector<Work> works;
};
struct Function {
    const char *name;
    void (*call)(void **);
};

bool is_dead = false;
int launches = 0;
Graph *capture = nullptr;

int submit(const Work &work) {
    if (is_dead) return ILLEGAL;
    if (capture != nullptr) {
        capture->works.push_back(work);
    } else {
        work();
    }
    return SUCCESS;
}

template <typename T> T &argument(void **arguments, int at) { return *(T *)arguments[at]; }

const Function FUNCTIONS[] = {
    {"rows_forward",
     [](void **a) {
         rows::rows_forward(
             argument<rows::Plan>(a, 0), argument<const float2 *>(a, 1), argument<rows::Load>(a, 2),
             argument<float2 *>(a, 3), argument<int>(a, 4), argument<int>(a, 5)
         );
     }},
    {"columns",
     [](void **a) {
         columns::columns(
             argument<columns::Plan>(a, 0), argument<const float2 *>(a, 1), argument<const float2 *>(a, 2),
             argument<columns::Layers>(a, 3), argument<int>(a, 4)
         );
     }},
    {"rows_back",
     [](void **a) {
         rows::rows_back(
             argument<rows::Plan>(a, 0), argument<const float2 *>(a, 1), argument<rows::Layers>(a, 2),
             argument<rows::Outputs>(a, 3), argument<int>(a, 4), argument<int>(a, 5)
         );
     }},
    {"head16", [](void **a) { residual::head16(argument<residual::Head>(a, 0)); }},
    {"head32", [](void **a) { residual::head32(argument<residual::Head>(a, 0)); }},
    {"chain16", [](void **a) { residual::chain16(argument<residual::Chain>(a, 0)); }},
    {"chain32", [](void **a) { residual::chain32(argument<residual::Chain>(a, 0)); }},
    {"tail16", [](void **a) { residual::tail16(argument<residual::Tail>(a, 0)); }},
    {"tail32", [](void **a) { residual::tail32(argument<residual::Tail>(a, 0)); }},
};
// Bytes of the arguments of each, which a captured launch keeps.
const std::map<std::string, std::vector<size_t>> SIZES = {
    {"rows_forward", {sizeof(rows::Plan), 8, sizeof(rows::Load), 8, 4, 4}},
    {"columns", {sizeof(columns::Plan), 8, 8, sizeof(columns::Layers), 4}},
    {"rows_back", {sizeof(rows::Plan), 8, sizeof(rows::Layers), sizeof(rows::Outputs), 4, 4}},
    {"head16", {sizeof(residual::Head)}},
    {"head32", {sizeof(residual::Head)}},
    {"chain16", {sizeof(residual::Chain)}},
    {"chain32", {sizeof(residual::Chain)}},
    {"tail16", {sizeof(residual::Tail)}},
    {"tail32", {sizeof(residual::Tail)}},
};
}  // namespace

// CUDA's own names.
extern "C" {
int cuInit(unsigned) { return is_asked_for("no device") ? NO_DEVICE : SUCCESS; }
int cuDriverGetVersion(int *version) {
    *version = is_asked_for("old driver") ? 10020 : 12060;
    return SUCCESS;
}
int cuDeviceGetCount(int *count) {
    *count = 1;
    return SUCCESS;
}
int cuDeviceGet(int *device, int) {
    *device = 0;
    return SUCCESS;
}
int cuDeviceGetName(char *name, int length, int) {
    snprintf(name, length, "stand-in");
    return SUCCESS;
}
int cuDeviceGetAttribute(int *value, int attribute, int) {
    // The major and the minor number of the capability; bytes of shared memory that a block may have;
    // multiprocessors.
    *value = attribute == 75 ? (is_asked_for("old device") ? 7 : 8) : attribute == 97 ? 99 * 1024 : attribute == 16 ? 2 : 0;
    return SUCCESS;
}
int cuDevicePrimaryCtxRetain(void **context, int) {
    *context = (void *)1;
    return SUCCESS;
}
int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
int cuCtxSetCurrent(void *) { return SUCCESS; }
int cuCtxGetStreamPriorityRange(int *least, int *greatest) {
    *least = *greatest = 0;
    return SUCCESS;
}
int cuStreamCreateWithPriority(void **stream, unsigned, int) {
    *stream = (void *)1;
    return SUCCESS;
}
int cuStreamDestroy_v2(void *) { return SUCCESS; }
int cuStreamSynchronize(void *) { return is_dead ? ILLEGAL : SUCCESS; }
int cuStreamBeginCapture_v2(void *, int) {
    capture = new Graph;
    return SUCCESS;
}
int cuStreamEndCapture(void *, Graph **graph) {
    *graph = capture;
    capture = nullptr;
    return SUCCESS;
}
int cuGraphInstantiateWithFlags(Graph **executable, Graph *graph, unsigned long long) {
    *executable = new Graph(*graph);
    return SUCCESS;
}
int cuGraphDestroy(Graph *graph) {
    delete graph;
    return SUCCESS;
}
int cuGraphExecDestroy(Graph *graph) {
    delete graph;
    return SUCCESS;
}
int cuGraphLaunch(Graph *graph, void *) {
    // Behind the golden frame.
    const bool is_of_a_newer_driver = is_asked_for("dies of a newer driver's error");
    if ((is_asked_for("dies") || is_of_a_newer_driver) && ++launches > 3) is_dead = true;
    if (is_dead) return is_of_a_newer_driver ? NEWER : ILLEGAL;
    for (const Work &work : graph->works) work();
    return SUCCESS;
}
int cuMemAlloc_v2(void **address, size_t bytes) {
    static size_t taken = 0;
    taken += bytes;
    if (is_asked_for("out of memory") && taken > 1 << 16) return OUT_OF_MEMORY;
    *address = calloc(bytes + 16, 1);
    return *address == nullptr ? OUT_OF_MEMORY : SUCCESS;
}
int cuMemFree_v2(void *address) {
    free(address);
    return SUCCESS;
}
int cuMemHostAlloc(void **address, size_t bytes, unsigned) {
    *address = calloc(bytes + 16, 1);
    return *address == nullptr ? OUT_OF_MEMORY : SUCCESS;
}
int cuMemFreeHost(void *address) {
    free(address);
    return SUCCESS;
}
int cuMemsetD8_v2(void *address, unsigned char value, size_t bytes) {
    memset(address, value, bytes);
    return SUCCESS;
}
int cuMemcpyHtoD_v2(void *to, const void *from, size_t bytes) {
    memcpy(to, from, bytes);
    return SUCCESS;
}
int cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t bytes, void *) {
    return submit([=] { memcpy(to, from, bytes); });
}
int cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t bytes, void *) {
    return submit([=] { memcpy(to, from, bytes); });
}
int cuModuleLoadData(const void **module, const void *image) {
    *module = image;
    return is_asked_for("bad program") ? INVALID_PTX : SUCCESS;
}
int cuModuleUnload(void *) { return SUCCESS; }
int cuModuleGetFunction(const Function **function, void *, const char *name) {
    for (const Function &one : FUNCTIONS) {
        if (strcmp(one.name, name) == 0) {
            *function = &one;
            return SUCCESS;
        }
    }
    return NOT_FOUND;
}
int cuFuncSetAttribute(void *, int, int) { return SUCCESS; }
int cuLaunchKernel(
    const Function *function, unsigned x, unsigned y, unsigned, unsigned threads, unsigned, unsigned, unsigned shared,
    void *, void **arguments, void **
) {
    if (threads > 1024 || shared > 99 * 1024) return INVALID;
    std::vector<std::vector<char>> kept;
    int at = 0;
    for (size_t bytes : SIZES.at(function->name)) {
        const char *own = (const char *)arguments[at++];
        kept.emplace_back(own, own + bytes);
    }
    return submit([=]() mutable {
        std::vector<void *> addresses;
        for (auto &argument : kept) addresses.push_back(argument.data());
        gridDim = {x, y, 1};
        blockDim = {threads, 1, 1};
        for (unsigned row = 0; row < y; row++) {
            for (unsigned column = 0; column < x; column++) {
                blockIdx = {column, row, 0};
                // Shared memory holds anything at first.
                memset(rows::memory, 0xff, sizeof rows::memory);
                memset(columns::memory, 0xff, sizeof columns::memory);
                memset(residual::shared_words, 0x7f, sizeof residual::shared_words);
                run_block(threads, [&] { function->call(addresses.data()); });
            }
        }
    });
}
int cuEventCreate(void **event, unsigned) {
    *event = (void *)1;
    return SUCCESS;
}
int cuEventRecord(void *, void *) { return SUCCESS; }
int cuEventElapsedTime(float *milliseconds, void *, void *) {
    *milliseconds = 1.0f;
    return SUCCESS;
}
int cuEventDestroy_v2(void *) { return SUCCESS; }
int cuGetErrorName(int error, const char **name) {
    *name = error == ILLEGAL ? "CUDA_ERROR_ILLEGAL_ADDRESS" : error == NEWER ? nullptr : "CUDA_ERROR";
    return error == NEWER ? INVALID : SUCCESS;
}
}
