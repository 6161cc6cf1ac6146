// Package extruntime makes extensions of extruntime in Go: exported functions with typed values, host functions and errors.
//
//	func greet(person Person) (Greeting, error) {
//		return Greeting{Text: "Hello, " + person.Name + "!"}, nil
//	}
//
//	//go:wasmexport greet
//	func exportGreet(in extruntime.In, size extruntime.Size) extruntime.Out {
//		return extruntime.Handle(in, size, greet)
//	}
//
//	func main() {}
package extruntime

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Error is what the host, or an extension that calls a host function, sees of a failure: a name for programs and a message for people.
type Error struct {
	Name    string
	Message string
}

func (e *Error) Error() string { return e.Message }

// Handle answers a call of an exported function: it reads the value, calls the function and writes its result.
//
// An error of the function, a value that does not fit its type and a panic fail the call.
func Handle[Input, Output any](in In, size Size, function func(Input) (Output, error)) Out {
	defer func() {
		if problem := recover(); problem != nil {
			fail("Panic", fmt.Sprint(problem))
		}
	}()
	payload := taken(in, size)
	if len(payload) == 0 {
		payload = []byte("null")
	}
	var input Input
	if err := json.Unmarshal(payload, &input); err != nil {
		fail("InputError", err.Error())
	}
	output, err := function(input)
	if err != nil {
		fail(nameOf(err), err.Error())
	}
	answer, err := json.Marshal(output)
	if err != nil {
		fail("OutputError", err.Error())
	}
	return given(answer)
}

// Call calls a function of the host with a value and waits for its answer. What the function failed with is an *Error.
func Call[Output any](name string, value any) (Output, error) {
	var output Output
	payload, err := json.Marshal(value)
	if err != nil {
		return output, err
	}
	answer := callHost(name, payload)
	if len(answer) == 0 {
		return output, errors.New("the host's answer is empty")
	}
	if answer[0] == '=' {
		return output, json.Unmarshal(answer[1:], &output)
	}
	var parts []json.RawMessage
	failure := &Error{Name: "Error"}
	if json.Unmarshal(answer[1:], &parts) == nil && len(parts) >= 2 {
		_ = json.Unmarshal(parts[0], &failure.Name)
		_ = json.Unmarshal(parts[1], &failure.Message)
	}
	return output, failure
}

// The name of an error of another kind is that of its type, where it is exported.
func nameOf(err error) string {
	var own *Error
	if errors.As(err, &own) {
		return own.Name
	}
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if name := kind.Name(); name != "" && name[0] >= 'A' && name[0] <= 'Z' {
		return name
	}
	return "Error"
}
