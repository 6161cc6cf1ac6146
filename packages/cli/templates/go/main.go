package main

import "extruntime"

type person struct {
	Name string `json:"name"`
}

type greeting struct {
	Text string `json:"text"`
}

// Takes one JSON value, and returns one.
func greet(person person) (greeting, error) {
	if person.Name == "" {
		return greeting{}, &extruntime.Error{Name: "TypeError", Message: "name must be a text"}
	}
	return greeting{Text: "Hello, " + person.Name + "!"}, nil
}

//go:wasmexport greet
func exportGreet(in extruntime.In, size extruntime.Size) extruntime.Out {
	return extruntime.Handle(in, size, greet)
}

func main() {}
