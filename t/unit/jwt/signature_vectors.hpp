#pragma once

#include <array>
#include <string_view>

// What standards print for bare signature algorithms that no RFC shows a JWS of: RFC 4231 (HMAC),
// RFC 6979 (ECDSA) and RFC 8032 (EdDSA). RFC 8812 has nothing for ES256K; the vector is the one
// that secp256k1 libraries share.

namespace gatehouse::test::rfc {

/// A signature over a message that is no JWS signing input.
struct Signature {
    const char* source;
    std::string_view jwk;
    std::string_view algorithm;
    std::string_view message;    // hexadecimal
    std::string_view signature;  // hexadecimal; r || s for ECDSA
};

inline constexpr std::array<Signature, 15> kSignatures{{
    {.source = "RFC 4231 4.2",
     .jwk = R"({"kty":"oct","k":"CwsLCwsLCwsLCwsLCwsLCwsLCws"})",
     .algorithm = "HS256",
     .message = "4869205468657265",
     .signature = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {.source = "RFC 4231 4.2",
     .jwk = R"({"kty":"oct","k":"CwsLCwsLCwsLCwsLCwsLCwsLCws"})",
     .algorithm = "HS384",
     .message = "4869205468657265",
     .signature =
         "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152"
         "e8b2fa9cb6"},
    {.source = "RFC 4231 4.2",
     .jwk = R"({"kty":"oct","k":"CwsLCwsLCwsLCwsLCwsLCwsLCws"})",
     .algorithm = "HS512",
     .message = "4869205468657265",
     .signature =
         "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b27"
         "4eaea3f4e4be9d914eeb61f1702e696c203a126854"},
    {.source = "RFC 4231 4.3",
     .jwk = R"({"kty":"oct","k":"SmVmZQ"})",
     .algorithm = "HS256",
     .message = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     .signature = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {.source = "RFC 4231 4.3",
     .jwk = R"({"kty":"oct","k":"SmVmZQ"})",
     .algorithm = "HS384",
     .message = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     .signature =
         "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239"
         "ecfab21649"},
    {.source = "RFC 4231 4.3",
     .jwk = R"({"kty":"oct","k":"SmVmZQ"})",
     .algorithm = "HS512",
     .message = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     .signature =
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f"
         "65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    {.source = "RFC 6979 A.2.5",
     .jwk = R"({"kty":"EC","crv":"P-256","x":"YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y",)"
            R"("y":"eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk"})",
     .algorithm = "ES256",
     .message = "73616d706c65",
     .signature =
         "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7"
         "a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {.source = "RFC 6979 A.2.5",
     .jwk = R"({"kty":"EC","crv":"P-256","x":"YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y",)"
            R"("y":"eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk"})",
     .algorithm = "ES256",
     .message = "74657374",
     .signature =
         "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd2592"
         "6b49c649155f267e60d3814b4c0cc84250e46f0083"},
    {.source = "RFC 6979 A.2.6",
     .jwk = R"({"kty":"EC","crv":"P-384","x":")"
            "7DpOQVtOGaRWhhgCn0J_pdqai8SukuAuBqrlKGswDGTe-PDqkFWGYGSiVFFUgLwT"
            R"(","y":")"
            "gBXZty19VyROqO-awMYhiWcIpZNn-d-59UyoSz8cnbEoiyMcOuDU_nNE_SUzJkcg"
            R"("})",
     .algorithm = "ES384",
     .message = "73616d706c65",
     .signature =
         "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd"
         "1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e"
         "679e7b82c71a38628ac8"},
    {.source = "RFC 6979 A.2.7",
     .jwk = R"({"kty":"EC","crv":"P-521","x":")"
            "AYlFUNB4WTLgDqojtpTyE_jDEh-G3JegTlpxZ9tOW803ESPUbkXba11TcKfyD7YzFV04_6FtK9dh3KxHS5o"
            "vUCOk"
            R"(","y":")"
            "AEkxAclizU0v3feCKF5kWEE5wvkbR_h_-CNU1mMPdGoooNsldBtbNKgoAIsirMI_kk-q-9TTP4HqZpVt_qo"
            "r_fz1"
            R"("})",
     .algorithm = "ES512",
     .message = "73616d706c65",
     .signature =
         "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d45060"
         "6add152b534931d7d4e8455cc91f9b15bf05ec36e377fa00617cce7cf5064806c467f678d3b4080d6f1cc5"
         "0af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44d"
         "a4a67a"},
    {.source = "RFC 8032 7.1, test 2",
     .jwk = R"({"kty":"OKP","crv":"Ed25519",)"
            R"("x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"})",
     .algorithm = "Ed25519",
     .message = "72",
     .signature =
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36"
         "13d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {.source = "RFC 8032 7.1, test 3",
     .jwk = R"({"kty":"OKP","crv":"Ed25519",)"
            R"("x":"_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU"})",
     .algorithm = "Ed25519",
     .message = "af82",
     .signature =
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7"
         "60984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {.source = "RFC 8032 7.4, 1 octet",
     .jwk = R"({"kty":"OKP","crv":"Ed448","x":")"
            "Q7oo9DDN_0Vq5TFUX37NCsg0pV2TWMA3K_oMbGeYwIZq6gHrAHQoArhDjqTLghacI1FgYntMOpSA"
            R"("})",
     .algorithm = "Ed448",
     .message = "03",
     .signature =
         "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62"
         "de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6"
         "472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00"},
    {.source = "RFC 8032 7.4, 64 octets",
     .jwk = R"({"kty":"OKP","crv":"Ed448","x":")"
            "35cF9Y7bq4Asf4Njz-VWCrHGEywgqfHdFjSDom-KxTo51oCL9KHfvSYbCZuwOz-1CQbLKL2KCB8A"
            R"("})",
     .algorithm = "Ed448",
     .message =
         "bd0f6a3747cd561bdddf4640a332461a4a30a12a434cd0bf40d766d9c6d458e5512204a30c17d1f50b5079"
         "631f64eb3112182da3005835461113718d1a5ef944",
     .signature =
         "554bc2480860b49eab8532d2a533b7d578ef473eeb58c98bb2d0e1ce488a98b18dfde9b9b90775e67f47d4"
         "a1c3482058efc9f40d2ca033a0801b63d45b3b722ef552bad3b4ccb667da350192b61c508cf7b6b5adadc2"
         "c8d9a446ef003fb05cba5f30e88e36ec2703b349ca229c2670833900"},
    {.source = "secp256k1, key 1, nonce of RFC 6979",
     .jwk = R"({"kty":"EC","crv":"secp256k1",)"
            R"("x":"eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g",)"
            R"("y":"SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg"})",
     .algorithm = "ES256K",
     .message = "5361746f736869204e616b616d6f746f",
     .signature =
         "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d82442ce9d2b916064108014"
         "783e923ec36b49743e2ffa1c4496f01a512aafd9e5"},
}};

}  // namespace gatehouse::test::rfc
