// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pillion-dev/pillion/hack/images/internal/gobuild"
)

// programs writes each product's binary for each of its platforms, without an image, as
// NAME_SYSTEM_ARCH. For Linux it is the one that is in the image.
func programs(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("programs", flag.ContinueOnError)
	source := flags.String("source", "../..", "root `DIR` of the repository to build")
	out := flags.String("out", "../../bin/programs", "`DIR` to write the binaries to")
	if err := parse(flags, args, stderr); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return fmt.Errorf("the output directory cannot be made: %w", err)
	}
	for _, p := range products() {
		for _, platform := range p.platforms() {
			binary, err := gobuild.Compile(ctx, *source, p.pkg, platform)
			if err != nil {
				return err
			}
			file := filepath.Join(*out, p.file(platform))
			if err := os.WriteFile(file, binary.Content, 0o755); err != nil {
				return err
			}
			fmt.Fprintln(stdout, file)
		}
	}
	return nil
}

// platforms are those of the program without its image.
func (p product) platforms() []string {
	var all []string
	for system := range strings.SplitSeq(strings.TrimSuffix("linux,"+p.systems, ","), ",") {
		all = append(all, system+"/amd64", system+"/arm64")
	}
	return all
}

// file is the name of the program without its image.
func (p product) file(platform string) string {
	name := cmp.Or(p.program, p.name) + "_" + strings.ReplaceAll(platform, "/", "_")
	if strings.HasPrefix(platform, "windows/") {
		name += ".exe"
	}
	return name
}
