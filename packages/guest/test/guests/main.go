package main

import (
	"errors"
	"fmt"

	"extruntime"
)

type person struct {
	Name string `json:"name"`
}

type greeting struct {
	Text string `json:"text"`
}

var calls = 0

func greet(person person) (greeting, error) {
	if person.Name == "" {
		return greeting{}, &extruntime.Error{Name: "TypeError", Message: "name must be a text"}
	}
	fmt.Println("greets", person.Name)
	return greeting{Text: "Hello, " + person.Name + "!"}, nil
}

func echo(value any) (any, error) { return value, nil }

func count(any) (int, error) {
	calls++
	return calls, nil
}

func price(item string) (float64, error) { return extruntime.Call[float64]("price", item) }

func caught(item string) (any, error) {
	value, err := price(item)
	var failure *extruntime.Error
	if errors.As(err, &failure) {
		return failure.Name + ": " + failure.Message, nil
	}
	return value, err
}

func crash(value int) (any, error) { panic(fmt.Sprint("out of range: ", value)) }

//go:wasmexport greet
func exportGreet(in extruntime.In, size extruntime.Size) extruntime.Out {
	return extruntime.Handle(in, size, greet)
}

//go:wasmexport echo
func exportEcho(in extruntime.In, size extruntime.Size) extruntime.Out {
	return extruntime.Handle(in, size, echo)
}

//go:wasmexport count
func exportCount(in extruntime.In, size extruntime.Size) extruntime.Out {
	return extruntime.Handle(in, size, count)
}

//go:wasmexport price
func exportPrice(in extruntime.In, size extruntime.Size) extruntime.Out {
	return extruntime.Handle(in, size, price)
}

//go:wasmexport caught
func exportCaught(in extruntime.In, size extruntime.Size) extruntime.Out {
	return extruntime.Handle(in, size, caught)
}

//go:wasmexport crash
func exportCrash(in extruntime.In, size extruntime.Size) extruntime.Out {
	return extruntime.Handle(in, size, crash)
}

func main() {}
