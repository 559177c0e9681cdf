// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// inputs are the manifests that a command reads, named as they are for kubectl.
type inputs struct {
	files     []string
	recursive bool
	kustomize string
}

// bind adds the flags.
func (i *inputs) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVarP(&i.files, "filename", "f", nil, "file, directory or URL to read, or - for standard input; can be repeated, or a list with commas")
	flags.BoolVarP(&i.recursive, "recursive", "R", false, "read directories with all that is below them")
	flags.StringVarP(&i.kustomize, "kustomize", "k", "", "directory of a kustomization to read, as kubectl or kustomize renders it")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json") // the flags are there
	_ = cmd.MarkFlagDirname("kustomize")
}

// named reports whether anything is to be read.
func (i *inputs) named() bool { return len(i.files) > 0 || i.kustomize != "" }

// read reads all documents, in the order in which they are named; none is an error.
func (i *inputs) read(ctx context.Context, stdin io.Reader) ([]*document, error) {
	names, read := i.files, func(name string) ([]*document, error) { return i.source(ctx, name, stdin) }
	switch {
	case !i.named():
		return nil, errors.New("--filename is required: name a file, or - for standard input")
	case i.kustomize != "" && len(i.files) > 0:
		return nil, errors.New("give either --filename or --kustomize, not both")
	case i.kustomize != "":
		names, read = []string{i.kustomize}, func(dir string) ([]*document, error) { return kustomize(ctx, dir) }
	}
	var all []*document
	for _, name := range names {
		documents, err := read(name)
		if err != nil {
			return nil, err
		}
		all = append(all, documents...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no object in %s", strings.ReplaceAll(", "+strings.Join(names, ", "), ", -", ", standard input")[2:])
	}
	return all, nil
}

// source reads what one --filename names.
func (i *inputs) source(ctx context.Context, name string, stdin io.Reader) ([]*document, error) {
	if name == "-" {
		return readDocuments("standard input", stdin)
	}
	if u, err := url.Parse(name); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return download(ctx, u)
	}
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return readFile(name)
	}
	files, err := manifestsIn(name, i.recursive)
	if err != nil {
		return nil, fmt.Errorf("%w; directories below it are read with --recursive", err)
	}
	var all []*document
	for _, file := range files {
		documents, err := readFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, documents...)
	}
	return all, nil
}

func readFile(name string) ([]*document, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	return readDocuments(name, f)
}

// manifestsIn are the files of a directory that kubectl would read, sorted by path. A hidden
// directory, such as .git, is passed over.
func manifestsIn(dir string, recursive bool) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || path == dir:
			return err
		case entry.IsDir() && (!recursive || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case !entry.IsDir() && isManifest(path):
			files = append(files, path)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("the directory %s has no .yaml, .yml or .json file", dir)
	}
	return files, err
}

func isManifest(path string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path))
}

// Bounds of a download: a manifest is no larger, and nobody waits longer.
const (
	mostDownloaded  = 32 << 20
	downloadTimeout = time.Minute
)

func download(ctx context.Context, u *url.URL) ([]*document, error) {
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", u.Redacted(), errors.Unwrap(err))
	}
	defer response.Body.Close() // read only
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("reading %s: the server answers %s", u.Redacted(), response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, mostDownloaded+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", u.Redacted(), err)
	case len(text) > mostDownloaded:
		return nil, fmt.Errorf("reading %s: it is larger than %d MiB; no manifest is", u.Redacted(), mostDownloaded>>20)
	}
	return readDocuments(u.Redacted(), bytes.NewReader(text))
}

// kustomize renders a kustomization with the program that the user would run: kubectl, which
// has it built in, or kustomize.
func kustomize(ctx context.Context, dir string) ([]*document, error) {
	for _, command := range [][]string{{"kubectl", "kustomize", dir}, {"kustomize", "build", dir}} {
		program, err := exec.LookPath(command[0])
		if err != nil {
			continue
		}
		var stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, program, command[1:]...)
		cmd.Stderr = &stderr
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, bytes.TrimSpace(stderr.Bytes()))
		}
		return readDocuments("kustomization "+dir, bytes.NewReader(text))
	}
	return nil, errors.New("--kustomize needs kubectl or kustomize on the PATH; or render it yourself: kustomize build DIR | kubectl pillion … -f -")
}
