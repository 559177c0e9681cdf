// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// A signer signs with cosign, by a key or by the identity that an OpenID Connect provider,
// such as GitHub Actions, vouches for.
type signer struct {
	cosign  string // the program
	key     string // a file, or a URI of a key service; "" if keyless
	keyless bool
}

func (s *signer) flags(flags *flag.FlagSet) {
	flags.StringVar(&s.cosign, "cosign", "cosign", "`PROGRAM` that signs; \"make cosign\" builds it")
	flags.StringVar(&s.key, "key", "", "`FILE` of the private key, or a URI that cosign knows; the password is in COSIGN_PASSWORD")
	flags.BoolVar(&s.keyless, "keyless", false, "sign as the identity of this run, such as that of a GitHub Actions workflow")
}

func (s *signer) check() error {
	if (s.key == "") != s.keyless {
		return fmt.Errorf("exactly one of --key and --keyless must be given, to say who signs")
	}
	return nil
}

// run calls cosign. A key needs neither a certificate nor a log, so nobody else is asked.
func (s *signer) run(ctx context.Context, command string, args ...string) error {
	all := []string{command, "--yes"}
	if s.key != "" {
		all = append(all, "--key", s.key, "--use-signing-config=false", "--tlog-upload=false")
	}
	cmd := exec.CommandContext(ctx, s.cosign, append(all, args...)...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s %s: %w\n%s", s.cosign, command, args[len(args)-1], err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

// sign writes the signatures of a release's files beside them: one of the checksums, and
// so of every file, and one of the provenance.
func sign(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s signer
	flags := flag.NewFlagSet("sign", flag.ContinueOnError)
	from := flags.String("from", "", "`DIR` that the command build wrote")
	s.flags(flags)
	if err := parse(flags, args, stderr, "from"); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	at := func(name string) string { return filepath.Join(*from, name) }
	if _, err := os.Stat(at(checksums)); err != nil {
		return fmt.Errorf("%s is not a release: %w", *from, err)
	}
	if err := s.run(ctx, "sign-blob", "--bundle", at(checksums+".sigstore.json"), at(checksums)); err != nil {
		return err
	}
	if err := s.run(ctx, "attest-blob", "--statement", at(provenanceFile), "--bundle", at("provenance.sigstore.json")); err != nil {
		return err
	}
	fmt.Fprintln(stdout, at(checksums+".sigstore.json"))
	fmt.Fprintln(stdout, at("provenance.sigstore.json"))
	return nil
}
