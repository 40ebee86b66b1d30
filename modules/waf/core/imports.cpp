#include "waf/core/imports.hpp"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gatehouse::waf {
namespace {

struct Search {
    std::uintptr_t inside;
    const char* name;
    const void* substitute;
    bool replaced = false;
};

// What of an object's dynamic section leads to the functions that it imports.
struct Dynamic {
    const ElfW(Sym) * symbols = nullptr;
    const char* names = nullptr;
    std::uintptr_t plt = 0, rela = 0, rel = 0;
    std::size_t plt_size = 0, rela_size = 0, rel_size = 0;
    bool plt_is_rela = false;
};

template <class T>
T* pointer_to(std::uintptr_t address) noexcept {
    return reinterpret_cast<T*>(address);
}

std::uintptr_t page_of(std::uintptr_t address) noexcept {
    return address & ~(static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE)) - 1);
}

// The linker has made addresses of what the file has as offsets, on most machines.
std::uintptr_t address_of(const dl_phdr_info& object, std::uintptr_t value) noexcept {
    return value < object.dlpi_addr ? object.dlpi_addr + value : value;
}

Dynamic read_dynamic(const dl_phdr_info& object, const ElfW(Phdr) & segment) noexcept {
    Dynamic found;
    for (const auto* entry = pointer_to<const ElfW(Dyn)>(object.dlpi_addr + segment.p_vaddr);
         entry->d_tag != DT_NULL; ++entry) {
        const std::uintptr_t address = address_of(object, entry->d_un.d_ptr);
        switch (entry->d_tag) {
        case DT_SYMTAB:
            found.symbols = pointer_to<const ElfW(Sym)>(address);
            break;
        case DT_STRTAB:
            found.names = pointer_to<const char>(address);
            break;
        case DT_JMPREL:
            found.plt = address;
            break;
        case DT_PLTRELSZ:
            found.plt_size = entry->d_un.d_val;
            break;
        case DT_PLTREL:
            found.plt_is_rela = entry->d_un.d_val == DT_RELA;
            break;
        case DT_RELA:
            found.rela = address;
            break;
        case DT_RELASZ:
            found.rela_size = entry->d_un.d_val;
            break;
        case DT_REL:
            found.rel = address;
            break;
        case DT_RELSZ:
            found.rel_size = entry->d_un.d_val;
            break;
        default:
            break;
        }
    }
    return found;
}

bool is_read_only(const dl_phdr_info& object, std::uintptr_t address) noexcept {
    for (int i = 0; i < object.dlpi_phnum; ++i) {
        const auto& segment = object.dlpi_phdr[i];
        const std::uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
        if (segment.p_type == PT_GNU_RELRO && address >= page_of(begin) &&
            address < page_of(begin + segment.p_memsz)) {
            return true;
        }
    }
    return false;
}

bool write_entry(const dl_phdr_info& object, std::uintptr_t address, const void* value) noexcept {
    void* const page = pointer_to<void>(page_of(address));
    const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const bool read_only = is_read_only(object, address);
    if (read_only && mprotect(page, size, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    std::memcpy(pointer_to<void>(address), &value, sizeof value);
    return !read_only || mprotect(page, size, PROT_READ) == 0;
}

std::size_t symbol_of(decltype(ElfW(Rel)::r_info) info) noexcept {
    return sizeof(void*) == 8 ? static_cast<std::size_t>(info) >> 32U
                              : static_cast<std::size_t>(info) >> 8U;
}

template <class Relocation>
void replace_in(const dl_phdr_info& object, const Dynamic& dynamic, std::uintptr_t table,
                std::size_t size, Search& search) noexcept {
    const auto* const first = pointer_to<const Relocation>(table);
    for (std::size_t i = 0; i < size / sizeof(Relocation); ++i) {
        const auto& symbol = dynamic.symbols[symbol_of(first[i].r_info)];
        if (std::strcmp(dynamic.names + symbol.st_name, search.name) == 0) {
            search.replaced |=
                write_entry(object, object.dlpi_addr + first[i].r_offset, search.substitute);
        }
    }
}

bool contains(const dl_phdr_info& object, std::uintptr_t address) noexcept {
    for (int i = 0; i < object.dlpi_phnum; ++i) {
        const auto& segment = object.dlpi_phdr[i];
        const std::uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
        if (segment.p_type == PT_LOAD && address >= begin && address - begin < segment.p_memsz) {
            return true;
        }
    }
    return false;
}

int visit(dl_phdr_info* object, std::size_t, void* context) noexcept {
    Search& search = *static_cast<Search*>(context);
    if (!contains(*object, search.inside)) {
        return 0;
    }
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) {
            continue;
        }
        const Dynamic dynamic = read_dynamic(*object, object->dlpi_phdr[i]);
        if (dynamic.plt_is_rela) {
            replace_in<ElfW(Rela)>(*object, dynamic, dynamic.plt, dynamic.plt_size, search);
        } else {
            replace_in<ElfW(Rel)>(*object, dynamic, dynamic.plt, dynamic.plt_size, search);
        }
        replace_in<ElfW(Rela)>(*object, dynamic, dynamic.rela, dynamic.rela_size, search);
        replace_in<ElfW(Rel)>(*object, dynamic, dynamic.rel, dynamic.rel_size, search);
    }
    return 1;
}

}  // namespace

bool replace_import(const void* inside, const char* name, const void* substitute) noexcept {
    Search search{reinterpret_cast<std::uintptr_t>(inside), name, substitute};
    dl_iterate_phdr(visit, &search);
    return search.replaced;
}

}  // namespace gatehouse::waf
