package extruntime

import "unsafe"

// In and Size are where the host has put the value of a call; Out is where it finds the result.
type (
	In   uint32
	Size uint32
	Out  uint64
)

// What the host holds a pointer to. Go's collector does not see the host, so the map keeps these alive.
var held = map[uint32][]byte{}

//go:wasmimport extruntime host_call
func hostCall(name unsafe.Pointer, nameLength uint32, payload unsafe.Pointer, length uint32) uint64

//go:wasmimport extruntime fail
func hostFail(name unsafe.Pointer, nameLength uint32, message unsafe.Pointer, length uint32)

//go:wasmexport __base_alloc
func baseAlloc(length uint32) uint32 {
	return hold(make([]byte, max(length, 1)))
}

//go:wasmexport __base_free
func baseFree(pointer, _ uint32) {
	delete(held, pointer)
}

func hold(bytes []byte) uint32 {
	pointer := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(bytes))))
	held[pointer] = bytes
	return pointer
}

// The payload, which the host frees after the call.
func taken(in In, size Size) []byte {
	return held[uint32(in)][:size]
}

func given(answer []byte) Out {
	return Out(hold(answer))<<32 | Out(len(answer))
}

func callHost(name string, payload []byte) []byte {
	packed := hostCall(start(name), uint32(len(name)), unsafe.Pointer(unsafe.SliceData(payload)), uint32(len(payload)))
	pointer := uint32(packed >> 32)
	answer := held[pointer][:uint32(packed)]
	delete(held, pointer)
	return answer
}

// fail ends the call, and does not return.
func fail(name, message string) {
	hostFail(start(name), uint32(len(name)), start(message), uint32(len(message)))
}

func start(text string) unsafe.Pointer {
	return unsafe.Pointer(unsafe.StringData(text))
}
