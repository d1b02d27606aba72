// Package fetch gets a CUE module, with what it depends on, from one OCI registry.
//
// It is the part of the helper that uses the network, and runs in a process of its own which lives for one request
// and evaluates nothing but module files. What it gives is files in memory: nothing is written to a disk.
package fetch

import (
	"context"
	"io"

	"pequod.io/fleet/engine/internal/registry"
)

// The operations.
const (
	OpResolve = "resolve" // which manifest the reference stands for now
	OpFetch   = "fetch"   // the files of that manifest's module
)

// Request is one operation on one reference.
type Request struct {
	Op         string `json:"op"`
	Host       string `json:"host"`
	Repository string `json:"repository"`
	Tag        string `json:"tag,omitempty"`
	Digest     string `json:"digest,omitempty"` // wins over the tag
	PlainHTTP  bool   `json:"plainHttp,omitempty"`
	Username   string `json:"username,omitempty"`
	Password   string `json:"password,omitempty"`
	Token      string `json:"token,omitempty"` // an identity token, instead of a password
	CA         string `json:"ca,omitempty"`    // PEM: trusted beside the system's own
	MaxBytes   int64  `json:"maxBytes"`        // of a zip, and of all the files together
}

// Answer is what came of it, where that is not a registry.Failure.
type Answer struct {
	Digest string            `json:"digest,omitempty"` // of the manifest
	Module string            `json:"module,omitempty"` // what the module is called
	Files  map[string][]byte `json:"files,omitempty"`
}

// Serve answers the one request on in.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	return registry.Serve(ctx, in, out, carryOut)
}

func carryOut(ctx context.Context, r *Request) (*Answer, error) {
	source, err := open(r)
	if err != nil {
		return nil, err
	}
	switch r.Op {
	case OpResolve:
		digest, err := source.resolve(ctx)
		if err != nil {
			return nil, err
		}
		return &Answer{Digest: digest}, nil
	case OpFetch:
		return source.fetch(ctx)
	}
	return nil, registry.Fail(registry.CodeRequest, "unknown operation %q", r.Op)
}
