package authoring_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"

	"pequod.io/fleet/engine/internal/authoring"
	"pequod.io/fleet/engine/internal/bundle"
	"pequod.io/fleet/engine/internal/fetch"
	"pequod.io/fleet/engine/internal/registry"
)

const limit = 8 << 20

// serve starts a registry that keeps what it has in memory, and the author's configuration that leads to it.
func serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(ociserver.New(ocimem.NewWithConfig(&ocimem.Config{ImmutableTags: false}), nil))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	t.Setenv("CUE_REGISTRY", host+"+insecure")
	t.Setenv("CUE_CACHE_DIR", t.TempDir())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	return host
}

// told is all that the author may be told: one of the two is empty.
type told struct {
	authoring.Answer
	registry.Failure
}

func ask(t *testing.T, request authoring.Request) told {
	t.Helper()
	request.MaxBytes = limit
	var in, out bytes.Buffer
	if err := json.NewEncoder(&in).Encode(request); err != nil {
		t.Fatal(err)
	}
	if err := authoring.Serve(context.Background(), &in, &out); err != nil {
		t.Fatal(err)
	}
	var answer told
	if err := json.NewDecoder(&out).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func files(module, text string) map[string][]byte {
	return map[string][]byte{
		bundle.ModuleFile: []byte("module: \"" + module + "@v0\"\nlanguage: version: \"v0.17.0\"\nsource: kind: \"self\"\n"),
		"main.cue":        []byte("package main\n" + text),
		"README.md":       []byte("read me"),
	}
}

func publish(t *testing.T, host, repository, tag string, content map[string][]byte) told {
	t.Helper()
	return ask(t, authoring.Request{Op: authoring.OpPublish, Host: host, Repository: repository, Tag: tag, PlainHTTP: true, Files: content})
}

// needing is a module with dependencies, such as "acme.example/base v0.1.0".
func needing(module string, deps ...string) map[string][]byte {
	content := files(module, "")
	for _, dep := range deps {
		path, version, _ := strings.Cut(dep, " ")
		content[bundle.ModuleFile] = append(content[bundle.ModuleFile], "deps: \""+path+"@v0\": v: \""+version+"\"\n"...)
	}
	return content
}

func TestWhatIsPublishedIsFetched(t *testing.T) {
	host := serve(t)
	published := publish(t, host, "team/acme.example/web", "v0.1.0", files("acme.example/web", "a: 1"))
	if published.Error != nil || published.Module != "acme.example/web" || published.Already {
		t.Fatalf("got %+v", published)
	}

	var in, out bytes.Buffer
	_ = json.NewEncoder(&in).Encode(fetch.Request{
		Op: fetch.OpFetch, Host: host, Repository: "team/acme.example/web", Tag: "v0.1.0", PlainHTTP: true, MaxBytes: limit,
	})
	if err := fetch.Serve(context.Background(), &in, &out); err != nil {
		t.Fatal(err)
	}
	var fetched struct {
		fetch.Answer
		registry.Failure
	}
	if err := json.NewDecoder(&out).Decode(&fetched); err != nil {
		t.Fatal(err)
	}
	if fetched.Error != nil || fetched.Digest != published.Digest || string(fetched.Files["main.cue"]) != "package main\na: 1" {
		t.Fatalf("got %+v", fetched)
	}
}

func TestAVersionNeverChanges(t *testing.T) {
	host := serve(t)
	first := publish(t, host, "acme.example/web", "v0.1.0", files("acme.example/web", "a: 1"))

	again := publish(t, host, "acme.example/web", "v0.1.0", files("acme.example/web", "a: 1"))
	if !again.Already || again.Digest != first.Digest {
		t.Errorf("the same again: got %+v", again)
	}
	other := publish(t, host, "acme.example/web", "v0.1.0", files("acme.example/web", "a: 2"))
	if other.Error == nil || other.Error.Code != registry.CodeConflict || !strings.Contains(other.Error.Message, first.Digest) {
		t.Errorf("another: got %+v", other)
	}
}

func TestWhatCannotBePublished(t *testing.T) {
	host := serve(t)
	unnamed, fromGit := files("acme.example/web", ""), files("acme.example/web", "")
	delete(unnamed, bundle.ModuleFile)
	fromGit[bundle.ModuleFile] = bytes.ReplaceAll(fromGit[bundle.ModuleFile], []byte("self"), []byte("git"))
	for name, c := range map[string]struct {
		tag     string
		content map[string][]byte
		says    string
	}{
		"no module file":      {"v0.1.0", unnamed, "has no cue.mod/module.cue"},
		"no version":          {"latest", files("acme.example/web", ""), "write one such as v0.1.0"},
		"another major":       {"v1.0.0", files("acme.example/web", ""), "write one such as v0.1.0"},
		"the source is git":   {"v0.1.0", fromGit, "`cue mod publish` knows the other kinds"},
		"a name out of order": {"v0.1.0", map[string][]byte{bundle.ModuleFile: files("a.b/c", "")[bundle.ModuleFile], "a/../b.cue": nil}, "path is not clean"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := publish(t, host, "acme.example/web", c.tag, c.content)
			if answer.Error == nil || answer.Error.Code != registry.CodeModule || !strings.Contains(answer.Error.Message, c.says) {
				t.Fatalf("got %+v", answer.Error)
			}
		})
	}
}

func TestARegistryThatIsNotThere(t *testing.T) {
	answer := publish(t, "127.0.0.1:1", "acme.example/web", "v0.1.0", files("acme.example/web", ""))

	if answer.Error == nil || answer.Error.Code != registry.CodeUnavailable || !strings.Contains(answer.Error.Message, "refused") {
		t.Fatalf("got %+v", answer.Error)
	}
}

func TestAModuleThatNoHubCouldFetchIsNotPublished(t *testing.T) {
	host := serve(t)
	content := needing("a.example/main", "a.example/base v0.1.0")

	early := publish(t, host, "team/a.example/main", "v0.1.0", content)
	if early.Error == nil || early.Error.Code != registry.CodeMissing ||
		!strings.Contains(early.Error.Message, "a.example/base@v0.1.0 is not at team/a.example/base:v0.1.0") {
		t.Errorf("before its dependency: got %+v", early.Error)
	}
	if answer := publish(t, host, "team/a.example/base", "v0.1.0", needing("a.example/base")); answer.Error != nil {
		t.Fatal(answer.Error)
	}
	if answer := publish(t, host, "team/a.example/main", "v0.1.0", content); answer.Error != nil {
		t.Errorf("after it: got %+v", answer.Error)
	}
	elsewhere := publish(t, host, "team/main", "v0.1.0", content)
	if elsewhere.Error == nil || !strings.Contains(elsewhere.Error.Message, "a repository which ends with its path") {
		t.Errorf("in a repository of another name: got %+v", elsewhere.Error)
	}
}

func TestDependenciesAreFoundAsTheCueCommandFindsThem(t *testing.T) {
	host := serve(t)
	for _, each := range []struct {
		module, version string
		content         map[string][]byte
	}{
		{"a.example/base", "v0.1.0", needing("a.example/base")},
		{"a.example/base", "v0.2.0", needing("a.example/base")},
		{"a.example/lib", "v0.1.0", needing("a.example/lib", "a.example/base v0.2.0")},
	} {
		if answer := publish(t, host, each.module, each.version, each.content); answer.Error != nil {
			t.Fatal(answer.Error)
		}
	}
	main := needing("a.example/main", "a.example/base v0.1.0", "a.example/lib v0.1.0")[bundle.ModuleFile]

	answer := ask(t, authoring.Request{Op: authoring.OpDependencies, ModuleFile: main})

	var names []string
	for name := range answer.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{
		".deps/a.example/base@v0.1.0/cue.mod/module.cue",
		".deps/a.example/base@v0.2.0/README.md",
		".deps/a.example/base@v0.2.0/cue.mod/module.cue",
		".deps/a.example/base@v0.2.0/main.cue",
		".deps/a.example/lib@v0.1.0/README.md",
		".deps/a.example/lib@v0.1.0/cue.mod/module.cue",
		".deps/a.example/lib@v0.1.0/main.cue",
	}
	if answer.Error != nil || !slices.Equal(names, want) {
		t.Fatalf("got %v and %+v", names, answer.Error)
	}

	missing := ask(t, authoring.Request{Op: authoring.OpDependencies, ModuleFile: needing("a.example/m", "a.example/none v0.1.0")[bundle.ModuleFile]})
	if missing.Error == nil || missing.Error.Code != registry.CodeMissing || !strings.Contains(missing.Error.Message, "dependency a.example/none@v0.1.0") {
		t.Fatalf("got %+v", missing.Error)
	}
}
