// Package wire holds the messages of the helper's protocol: one JSON object a line, requests on standard
// input and one reply to each, in order, on standard output.
package wire

import (
	"encoding/json"

	"pequod.io/fleet/engine/internal/problem"
)

// The operations of the helper.
const (
	OpPing    = "ping"
	OpLoad    = "load"
	OpInspect = "inspect"
	OpSchema  = "schema"
	OpRender  = "render"
)

// Code says what kind of error a reply carries, which decides what the parent raises.
type Code string

// The codes of the errors that a reply carries.
const (
	CodeUnknownModule Code = "unknown_module" // load it first: it was never loaded here, or has been evicted
	CodeModule        Code = "module"         // the module itself is at fault
	CodeInput         Code = "input"          // the instance's spec does not satisfy #Input
	CodeRender        Code = "render"         // the module failed on this input
	CodeLimit         Code = "limit"          // a time, memory or depth limit was exceeded; the process ends
	CodeInternal      Code = "internal"       // the evaluator failed in a way that nobody foresaw
	CodeRequest       Code = "request"        // the request does not follow the protocol
)

// Request asks for one operation.
type Request struct {
	ID      uint64            `json:"id"`
	Op      string            `json:"op"`
	Module  string            `json:"module,omitempty"` // digest: the key of the module in the cache
	Files   map[string]string `json:"files,omitempty"`  // load: path in the module to text
	Input   json.RawMessage   `json:"input,omitempty"`  // render: the whole of #Render.input
	LimitMS int               `json:"limitMs"`          // processor time that it may take
	WallMS  int               `json:"wallMs"`           // time by the clock that it may take
}

// Reply answers the request of the same ID with either a result or an error.
type Reply struct {
	ID          uint64 `json:"id"`
	Result      any    `json:"result,omitempty"`
	Error       *Error `json:"error,omitempty"`
	MemoryBytes uint64 `json:"memoryBytes"` // what the process holds, for the parent to recycle it by
	TookUS      int64  `json:"tookUs"`
}

// Error is why an operation gave no result.
type Error struct {
	Code     Code              `json:"code"`
	Message  string            `json:"message"`
	Problems []problem.Problem `json:"problems,omitempty"`
}

func (e *Error) Error() string { return e.Message }
